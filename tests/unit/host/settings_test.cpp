#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/core/configuration.hpp>
#include <mamey/host/detail/logger_section.hpp>
#include <mamey/host/detail/settings.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

struct Place {
  std::string sku;
};
struct Placed {
  static constexpr mamey::message_options message{.exchange = "orders"};
  std::string sku;
};
void place(const Place& command, mamey::publisher& events) { events.publish(Placed{command.sku}); }

/// What an application with these settings says when it starts, of one level.
std::vector<std::string> lines_with(const std::vector<std::pair<std::string, std::string>>& settings, mamey::log_level level) {
  const log_capture capture;
  mamey::testing::harness started{mamey::module("orders")};
  for (const auto& [key, value] : settings) started.set(key, value);
  EXPECT_EQ(started.get("/ping").status, 200);
  std::vector<std::string> lines;
  for (const auto& each : capture.records()) {
    if (each.level == level && each.message.find("outbox") != std::string::npos) lines.push_back(each.message);
  }
  return lines;
}

/// What an application with these settings warns of when it starts.
std::vector<std::string> warnings_with(const std::vector<std::pair<std::string, std::string>>& settings) {
  const log_capture capture;
  mamey::testing::harness started{mamey::module("orders")};
  for (const auto& [key, value] : settings) started.set(key, value);
  EXPECT_EQ(started.get("/ping").status, 200);
  std::vector<std::string> warnings;
  for (const auto& each : capture.records()) {
    if (each.level == mamey::log_level::warning) warnings.push_back(each.message);
  }
  return warnings;
}

std::vector<std::string> warnings_with(std::string key, std::string value) { return warnings_with({{std::move(key), std::move(value)}}); }

TEST(settings, a_key_nobody_reads_is_warned_of_once_in_every_section) {
  EXPECT_EQ(warnings_with("server:maxBodyByte", "1"),
            std::vector<std::string>{"the test: server:maxBodyByte: unknown key: did you mean maxBodyBytes?"});
  EXPECT_EQ(warnings_with("messaging:concurency", "2"),
            std::vector<std::string>{"the test: messaging:concurency: unknown key: did you mean concurrency?"});
  EXPECT_EQ(warnings_with("outbox:windw", "2"), std::vector<std::string>{"the test: outbox:windw: unknown key: did you mean window?"});
}

TEST(settings, a_section_that_looks_like_another_is_warned_of) {
  const auto warnings = warnings_with("mesaging:concurrency", "2");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("did you mean messaging?"), std::string::npos) << warnings[0];
}

/// Exchange, routing key and queue of `OrderCreated`, and what the queue was called before, with this section.
std::string names_with(std::string_view json) {
  mamey::configuration values;
  values.add_json(json);
  mamey::add_defaults({{"rabbitMq:exchange:name", "Orders"}}, values);
  const auto naming = mamey::read_settings("orders", values).naming.names;
  const auto names = mamey::names_of("OrderCreated", {}, naming);
  auto earlier = naming;
  if (naming.earlier_casing) earlier.casing = *naming.earlier_casing;
  return names.exchange + ' ' + names.routing_key + ' ' + names.queue +
         (naming.earlier_casing ? " was " + mamey::names_of("OrderCreated", {}, earlier).queue : std::string());
}

TEST(settings, names_are_as_written_in_a_section_that_does_not_say_and_snake_case_without_the_section) {
  EXPECT_EQ(names_with("{}"), "orders order_created orders/orders.order_created") << "what the application sets as a default is no section";
  EXPECT_EQ(names_with(R"({"rabbitMq": {"port": 5672}})"),
            "Orders OrderCreated orders/Orders.OrderCreated was orders/orders.order_created");
  EXPECT_EQ(names_with(R"({"rabbitMq": {"conventionsCasing": "SnakeCase"}})"), "orders order_created orders/orders.order_created");
  EXPECT_EQ(names_with(R"({"rabbitMq": {"conventionsCasing": "camelCase"}})"), "Orders OrderCreated orders/Orders.OrderCreated");
}

TEST(settings, what_is_read_by_others_is_no_mistake) {
  EXPECT_TRUE(warnings_with("rabbitMq:hostnames:0", "broker").empty());
  EXPECT_TRUE(warnings_with("consul:enabled", "false").empty());
  EXPECT_TRUE(warnings_with("app:displayBanner", "true").empty());
  EXPECT_TRUE(warnings_with("messaging:transport", "inProcess").empty());
}

TEST(settings, a_header_s_name_that_is_none_is_refused_with_its_place_and_blank_is_none) {
  using namespace mamey;
  const auto refused = [](std::string key, std::string value) -> std::string {
    configuration values;
    values.set(key, value, "the test");
    try {
      read_settings("orders", values);
      read_client_options(values);
    } catch (const configuration_error& wrong) {
      return wrong.reason();
    }
    return {};
  };
  for (const auto* key : {"server:correlationContextHeader", "httpClient:correlationContextHeader", "httpClient:correlationIdHeader"}) {
    for (const auto* wrong : {"X Corr", "X:Corr", "Kontext\xc3\xa4", "Host", "content-length"})
      EXPECT_NE(refused(key, wrong).find("the test: " + std::string(key) + ": expected a header's name"), std::string::npos)
          << key << " " << wrong << ": " << refused(key, wrong);
    for (const auto* right : {"", "  ", "X", "Ctx", "X-Correlation"}) EXPECT_EQ(refused(key, right), "") << key << " " << right;
  }
  EXPECT_EQ(refused("server:correlationContextHeader", "X Corr"),
            "the test: server:correlationContextHeader: expected a header's name, such as Correlation-Context, or nothing for none, got "
            "\"X Corr\"")
      << "told once";
  configuration values;
  values.set("httpClient:correlationIdHeader", "  ", "the test");
  EXPECT_EQ(read_client_options(values).correlation_id_header, "");
}

TEST(settings, a_service_is_an_address_or_an_object_with_its_settings) {
  using namespace mamey;
  configuration values;
  values.add_json(R"({"httpClient": {"services": {
    "pricing": "http://pricing:80",
    "catalog": {"url": "http://catalog:80", "timeout": "00:00:02", "retries": 0, "breakerFailures": 3},
    "orders": {"tryTimeout": "00:00:01"}}}})",
                  "the file");
  const std::vector<std::string> neighbours{"Orders"};
  const auto read = read_client_options(values, neighbours);
  EXPECT_EQ(read.services.at("pricing").url, "http://pricing:80");
  EXPECT_EQ(read.services.at("catalog").url, "http://catalog:80");
  EXPECT_EQ(read.services.at("catalog").timeout, std::chrono::milliseconds(2'000));
  EXPECT_EQ(read.services.at("catalog").retries, 0);
  EXPECT_EQ(read.services.at("orders").try_timeout, std::chrono::milliseconds(1'000));

  const auto refused = [](std::string_view json) -> std::string {
    configuration wrong;
    wrong.add_json(json, "the file");
    try {
      read_client_options(wrong);
    } catch (const configuration_error& problem) {
      return problem.reason();
    }
    return {};
  };
  const std::string form = "expected http://HOST:PORT, https://HOST:PORT or HOST:PORT, ", expected = form + "got ";
  EXPECT_NE(refused(R"({"httpClient": {"services": {"orders": {"retries": 1}}}})")
                .find("httpClient:services:orders:url: " + form + "and the service has none"),
            std::string::npos)
      << "it is no neighbour";
  EXPECT_NE(
      refused(R"({"httpClient": {"services": {"catalog": {"url": "tcp://x"}}}})").find("httpClient:services:catalog:url: " + expected),
      std::string::npos);
  EXPECT_NE(refused(R"({"httpClient": {"services": {"catalog": {"url": "http://x", "timeout": "0"}}}})")
                .find("httpClient:services:catalog:timeout: must be at least 00:00:00.001"),
            std::string::npos)
      << refused(R"({"httpClient": {"services": {"catalog": {"url": "http://x", "timeout": "0"}}}})");
  values.set("httpClient:services:catalog", "http://elsewhere", "a variable");
  try {
    read_client_options(values);
    ADD_FAILURE() << "two addresses were taken";
  } catch (const configuration_error& problem) {
    EXPECT_NE(
        problem.reason().find("a variable: httpClient:services:catalog: is an address, and httpClient:services:catalog:url (the file"),
        std::string::npos)
        << problem.reason();
  }
}

TEST(settings, an_address_in_code_is_a_default_in_either_form) {
  using namespace mamey;
  const auto address = [](const char* in_code, const char* given) {
    configuration values;
    values.set(in_code, "http://in-code:1", default_origin);
    values.set(given, "http://given:2", "the file");
    return read_client_options(values).services.at("pricing").url;
  };
  EXPECT_EQ(address("httpClient:services:pricing:url", "httpClient:services:pricing"), "http://given:2");
  EXPECT_EQ(address("httpClient:services:pricing", "httpClient:services:pricing:url"), "http://given:2");
}

TEST(settings, an_address_of_a_service_that_is_none_refuses_the_start_with_its_place_and_hides_credentials) {
  using namespace mamey;
  const auto refused = [](std::string address) -> std::string {
    configuration values;
    values.set("httpClient:services:pricing", address, "the test");
    try {
      read_client_options(values);
    } catch (const configuration_error& wrong) {
      return wrong.reason();
    }
    return {};
  };
  for (const auto* wrong : {"", "  ", "tcp://pricing:80", "http://", "http://pricing:0", "http://pri cing"})
    EXPECT_EQ(refused(wrong), "the test: httpClient:services:pricing: expected http://HOST:PORT, https://HOST:PORT or HOST:PORT, got \"" +
                                  std::string(wrong) + "\"");
  for (const auto* secret : {"http://me:s3cret@pricing:80", "me:s3cret@pricing", "https://me:s3/cr@et@pricing/x"}) {
    EXPECT_NE(refused(secret).find("without user and password"), std::string::npos) << refused(secret);
    for (const auto* part : {"s3", "me:", "cr@"}) EXPECT_EQ(refused(secret).find(part), std::string::npos) << refused(secret);
  }
  for (const auto* right : {"pricing", "localhost:5003", "http://pricing/v1", "https://[::1]:5000"}) EXPECT_EQ(refused(right), "") << right;
}

TEST(settings, a_casing_that_means_nothing_is_warned_of) {
  EXPECT_EQ(warnings_with("rabbitMq:conventionsCasing", "camelCase"),
            std::vector<std::string>{
                "the test: rabbitMq:conventionsCasing: \"camelCase\" means nothing: expected snakeCase; names are as written, as in .NET"});
  EXPECT_TRUE(warnings_with("rabbitMq:conventionsCasing", "SNAKECASE").empty());
}

TEST(settings, switches_of_dotnet_s_host_without_effect_are_named) {
  for (const auto& [key, value] :
       {std::pair{"FORWARDEDHEADERS_ENABLED", "true"}, {"hostingStartupAssemblies", "A;B"}, {"shutdownTimeoutSeconds", "60"}}) {
    const auto said = warnings_with(key, value);
    ASSERT_EQ(said.size(), 1U) << key;
    EXPECT_NE(said[0].find("asked for and not in effect: " + std::string(key) + " (the test)"), std::string::npos) << said[0];
  }
  EXPECT_TRUE(warnings_with("FORWARDEDHEADERS_ENABLED", "false").empty());
}

TEST(settings, an_outbox_that_a_dotnet_service_has_turned_off_publishes_as_it_did_there) {
  const std::vector<std::pair<std::string, std::string>> theirs{{"outbox:enabled", "False"}, {"outbox:intervalMilliseconds", "0"}};
  mamey::testing::harness orders{mamey::module("orders").commands<place>()};
  for (const auto& [key, value] : theirs) orders.set(key, value);
  orders.send(Place{"tea"});
  EXPECT_EQ(orders.published<Placed>().size(), 1U);

  const auto said = lines_with(theirs, mamey::log_level::information);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("outbox:enabled is false (the test): "), std::string::npos) << said[0];
  EXPECT_NE(said[0].find("through its outbox, which is always on"), std::string::npos) << said[0];
}

TEST(settings, what_only_the_engine_of_dotnet_has_is_told_in_one_line) {
  const auto said = lines_with({{"outbox:enabled", "true"},
                                {"outbox:type", "sequential"},
                                {"outbox:disableTransactions", "true"},
                                {"outbox:inboxCollection", "inbox"}},
                               mamey::log_level::information);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("type, inboxCollection, disableTransactions concern the engine of .NET"), std::string::npos) << said[0];
}

TEST(settings, a_service_that_sends_nothing_says_so) {
  const auto warnings = warnings_with("messaging:publishing", "false");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("kept and not sent"), std::string::npos) << warnings[0];
}

TEST(settings, enabled_sections_that_nothing_reads_stand_in_one_line) {
  const std::vector<std::string> told{
      "test: nothing here reads these sections, which are enabled: consul (the test), mongo (the test), vault (the test)"};
  EXPECT_EQ(
      warnings_with({{"consul:enabled", "True"}, {"fabio:enabled", "false"}, {"mongo:database", "orders"}, {"vault:enabled", "true"}}),
      told);
}

TEST(settings, what_promises_protection_and_is_not_in_effect_stands_in_one_line) {
  const std::vector<std::string> told{
      "test: asked for and not in effect: security.certificate (the test), jwt (the test), logger.seq (the test)"};
  EXPECT_EQ(warnings_with({{"security:certificate:enabled", "true"},
                           {"security:encryption:enabled", "false"},
                           {"jwt:issuer", "orders"},
                           {"logger:seq:enabled", "true"},
                           {"logger:elk:enabled", "false"}}),
            told);
  EXPECT_TRUE(warnings_with({{"jwt:authenticationDisabled", "true"}, {"jwt:issuer", "orders"}}).empty());
}

TEST(settings, another_viewer_or_form_of_the_document_than_there_is_stands_in_the_same_line) {
  const std::vector<std::string> reported{
      "test: asked for and not in effect: swagger.reDocEnabled (the test), swagger.serializeAsOpenApiV2 (the test)"};
  EXPECT_EQ(warnings_with({{"swagger:reDocEnabled", "true"}, {"swagger:serializeAsOpenApiV2", "true"}}), reported);
  EXPECT_TRUE(warnings_with({{"swagger:reDocEnabled", "false"}, {"swagger:serializeAsOpenApiV2", "false"}}).empty());
}

TEST(settings, a_misspelled_section_is_told_although_the_right_one_was_not_chosen_or_has_a_default) {
  for (const auto& [key, meant] : std::vector<std::pair<std::string, std::string>>{{"postgress:connectionString", "postgres"},
                                                                                   {"serverr:urls:0", "server"},
                                                                                   {"httpCient:retries", "httpClient"},
                                                                                   {"rabitMq:port", "rabbitMq"}}) {
    const auto warnings = warnings_with({{key, "1"}, {"server:retryAfter", "00:00:01"}});
    ASSERT_EQ(warnings.size(), 1U) << key;
    EXPECT_NE(warnings[0].find("did you mean " + meant + "?"), std::string::npos) << warnings[0];
  }
}

TEST(settings, a_way_to_find_services_that_is_not_there_is_told_and_degrades) {
  const log_capture capture;
  mamey::testing::harness orders{mamey::module("orders")};
  orders.set("httpClient:type", "Fabio");
  orders.set("management:apiKey", "k");
  const auto ready = orders.get("/health/ready", {{"X-Api-Key", "k"}});
  EXPECT_EQ(ready.status, 200);
  EXPECT_NE(ready.body.find("degraded"), std::string::npos) << ready.body;
  EXPECT_NE(ready.body.find("httpClient:type is Fabio, which is not there yet"), std::string::npos) << ready.body;
  EXPECT_TRUE(std::ranges::any_of(capture.records(), [](const auto& each) {
    return each.level == mamey::log_level::warning && each.message.find("httpClient:type is Fabio") != std::string::npos;
  }));

  mamey::testing::harness other{mamey::module("orders")};
  other.set("httpClient:type", "bogus");
  try {
    (void)other.get("/ping");
    ADD_FAILURE() << "a type that nobody knows was taken";
  } catch (const mamey::configuration_error& refused) {
    EXPECT_EQ(refused.reason(), "the test: httpClient:type: expected consul, fabio or nothing, got \"bogus\"");
  }
}

TEST(settings, metrics_are_there_unless_switched_off) {
  const auto status = [](const std::vector<std::pair<std::string, std::string>>& settings) {
    mamey::testing::harness orders{mamey::module("orders")};
    for (const auto& [key, value] : settings) orders.set(key, value);
    return orders.get("/metrics").status;
  };
  EXPECT_EQ(status({}), 200);
  EXPECT_EQ(status({{"metrics:enabled", "false"}}), 404);
  EXPECT_EQ(status({{"prometheus:enabled", "false"}}), 404);
  EXPECT_EQ(status({{"metrics:enabled", "false"}, {"prometheus:enabled", "true"}}), 200);
  EXPECT_EQ(status({{"prometheus:apiKey", "k"}}), 404);
}

TEST(settings, the_page_of_the_document_may_be_the_root) {
  mamey::testing::harness orders{mamey::module("orders")};
  orders.set("swagger:routePrefix", "");
  EXPECT_EQ(orders.get("/v1/swagger.json").status, 200);
  EXPECT_NE(orders.get("/").content_type.find("html"), std::string::npos);
  EXPECT_EQ(orders.get("/swagger-ui.css").status, 200);
}

TEST(settings, the_document_may_have_a_name_of_several_words_at_the_root_as_well) {
  mamey::testing::harness orders{mamey::module("orders")};
  orders.set("swagger:routePrefix", "/");
  orders.set("swagger:name", "Orders API v1");
  EXPECT_EQ(orders.get("/Orders%20API%20v1/swagger.json").status, 200);
  EXPECT_NE(orders.get("/").body.find("\"./Orders%20API%20v1/swagger.json\""), std::string::npos);
}

TEST(settings, the_prefix_of_the_page_may_be_where_ours_is) {
  mamey::testing::harness orders{mamey::module("orders")};
  orders.set("swagger:routePrefix", "Docs");
  EXPECT_EQ(orders.get("/docs").status, 200);
  EXPECT_EQ(orders.get("/docs/v1/swagger.json").status, 200);
}

TEST(settings, levels_and_intervals_that_dotnet_falls_back_on_are_taken_with_a_warning) {
  mamey::configuration values;
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"logger:level", "trace"},
                                                                                   {"logger:minimumLevelOverrides:Microsoft", "info"},
                                                                                   {"logger:file:interval", "weekly"},
                                                                                   {"logger:file:path", ""}})
    values.set(key, value, "the file");
  std::vector<mamey::configuration_problem> warnings;
  const auto options = mamey::read_logger_section(values, warnings);
  EXPECT_EQ(options.level, mamey::log_level::information);
  EXPECT_EQ(options.minimum_level_overrides.at("Microsoft"), mamey::log_level::information);
  EXPECT_EQ(options.file.interval, mamey::log_interval::day);
  EXPECT_EQ(options.file.path, "logs/logs.txt");
  ASSERT_EQ(warnings.size(), 3U);
  EXPECT_EQ(to_string(warnings[0]), "the file: logger:level: \"trace\" is none of the values; as in .NET, information is taken");
  values.set("logger:level", "loud");
  EXPECT_THROW((void)mamey::read_logger_section(values, warnings), mamey::configuration_error);
}

}  // namespace
