#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

enum class Transport { in_process, sql };

struct Certificate {
  bool enabled = false;
  std::string location;
};

struct Options {
  bool enabled = false;
  std::string connection_name = "unnamed";
  std::uint16_t port = 5672;
  double ratio = 0.5;
  std::chrono::milliseconds timeout{3000};
  Transport transport = Transport::in_process;
  std::optional<std::chrono::seconds> processing_timeout;
  std::vector<std::string> hostnames{"localhost"};
  std::map<std::string, std::string> services;
  std::map<std::string, Certificate> acl;
  Certificate ssl;
  std::vector<Certificate> certificates;
};

configuration json(std::string_view text, std::string_view source = "appsettings.json") {
  configuration values;
  values.add_json(text, source);
  return values;
}

Options options(std::string_view text) { return json(text).bind<Options>("rabbitMq"); }

/// What a configuration is refused with; empty when it is not.
std::string refusal(std::invocable auto&& action) {
  try {
    action();
  } catch (const configuration_error& e) {
    return e.reason();
  }
  return "";
}

std::string refusal(std::string_view text) {
  return refusal([&] { options(text); });
}

}  // namespace

// ── What files look like ──

TEST(configuration, files_may_have_comments_trailing_commas_and_a_byte_order_mark) {
  const auto bound = options(
      "\xEF\xBB\xBF"
      R"(// generated
    { /* the broker,
         shared */
      "rabbitMq": {
        "port": 5001, // not the default
        "hostnames": ["a", "b",],
        "ssl": {},
      },
    } // end)");
  EXPECT_EQ(bound.port, 5001);
  EXPECT_EQ(bound.hostnames, (std::vector<std::string>{"a", "b"}));
}

TEST(configuration, texts_are_unescaped) {
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": "a\"\\\/\n\t\u00e9\ud83d\ude00"}})").connection_name,
            "a\"\\/\n\t\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(configuration, malformed_files_are_refused_with_the_line_and_what_was_expected) {
  struct row {
    std::string_view text, refusal;
  };
  for (const auto& [text, expected] : {
           row{"", "appsettings.json:1: expected an object: { … }; the text ends here"},
           row{"[]", "appsettings.json:1: expected an object: { … }"},
           row{"{\n\"a\": 1\n\"b\": 2}", "appsettings.json:3: expected , or } after the value of \"a\""},
           row{"{\n\"a\" 1}", "appsettings.json:2: expected : after \"a\""},
           row{"{a: 1}", "appsettings.json:1: expected a key in double quotes, or }"},
           row{"{\"a\": serviceport}", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or ["},
           row{"{\"a\": 01}", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or ["},
           row{"{\"a\": [1 2]}", "appsettings.json:1: expected , or ] after an element"},
           row{"{\"a\": 1} {", "appsettings.json:1: expected nothing after the closing }"},
           row{"{\"a\": \"x\n\"}", "appsettings.json:1: a text is never closed by \""},
           row{"{\"a\": \"\\x\"}", "appsettings.json:1: an unknown escape; a backslash itself is written \\\\"},
           row{"{\"a\": \"\\ud800\"}", "appsettings.json:1: half of a surrogate pair"},
           row{"{\n/* \n\n", "appsettings.json:2: a comment /* is never closed by */"},
           row{"{\"a\": 1,\n\"A\": 2}", "appsettings.json:2: \"a\" stands twice, first at appsettings.json:1"},
           row{"{\"a\":", "appsettings.json:1: expected a value: \"text\", a number, true, false, null, { or [; the text ends here"},
       }) {
    EXPECT_EQ(refusal([&] { json(text); }), expected) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_EQ(refusal([&] { json(deep); }), "appsettings.json:1: nested more than 64 deep");
  configuration values;
  EXPECT_NE(refusal([&] { values.set(std::string(100'000, ':'), "x"); }).find("a key has at most 64 parts"), std::string::npos);
}

TEST(configuration, a_colon_in_a_key_is_a_path) { EXPECT_EQ(options(R"({"rabbitMq:port": 5})").port, 5); }

// ── How values are read ──

TEST(configuration, keys_are_case_insensitive) {
  const auto values = json(R"({"RabbitMQ": {"PORT": 1, "hostNames": ["x"], "CONNECTIONNAME": "c"}})");
  const auto bound = values.bind<Options>("rabbitmq");
  EXPECT_EQ(bound.port, 1);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"x"});
  EXPECT_EQ(bound.connection_name, "c");
  EXPECT_EQ(values.find("rabbitMq:Port"), "1");
}

TEST(configuration, a_key_may_be_spelled_as_the_member_is) {
  configuration values;
  values.add_variables(std::vector<std::string>{"RABBITMQ__CONNECTION_NAME=orders"});
  EXPECT_EQ(values.bind<Options>("rabbitMq").connection_name, "orders");
}

TEST(configuration, scalars_are_converted_from_whatever_they_are_written_as) {
  EXPECT_EQ(options(R"({"rabbitMq": {"port": "5001"}})").port, 5001);
  EXPECT_EQ(options(R"({"rabbitMq": {"port": " 5001 "}})").port, 5001);
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": 3}})").connection_name, "3");
  EXPECT_EQ(options(R"({"rabbitMq": {"connectionName": true}})").connection_name, "true");
  EXPECT_EQ(options(R"({"rabbitMq": {"ratio": "0.25"}})").ratio, 0.25);
  EXPECT_EQ(options(R"({"rabbitMq": {"ratio": 1e-1}})").ratio, 0.1);
  EXPECT_EQ(options(R"({"rabbitMq": {"transport": "SQL"}})").transport, Transport::sql);
  EXPECT_EQ(options(R"({"rabbitMq": {"transport": "inProcess"}})").transport, Transport::in_process);
  for (const auto* yes : {"true", "\"true\"", "\"True\"", "\"TRUE\"", "\"1\"", "1"}) {
    EXPECT_TRUE(options(std::string(R"({"rabbitMq": {"enabled": )") + yes + "}}").enabled) << yes;
  }
  for (const auto* no : {"false", "\"False\"", "0"}) {
    EXPECT_FALSE(json(std::string(R"({"rabbitMq": {"enabled": true}})"))
                     .add_json(std::string(R"({"rabbitMq": {"enabled": )") + no + "}}")
                     .bind<Options>("rabbitMq")
                     .enabled)
        << no;
  }
}

TEST(configuration, time_spans_are_in_the_dialect_of_the_reference_quirks_included) {
  struct row {
    std::string_view text;
    std::chrono::milliseconds span;
  };
  for (const auto& [text, span] : {
           row{"00:00:30", 30s},
           row{"00:01:00", 1min},
           row{"01:30", 90min},
           row{"00:00:00.250", 250ms},
           row{"00:00:00.5", 500ms},
           row{"1.12:00:00", 36h},
           row{"00.00:30:00", 30min},
           row{"07.00:00:00", 7 * 24h},
           row{"-00:00:05", -5s},
           row{"3", 3 * 24h},          // a bare integer is days
           row{"24:00:00", 24 * 24h},  // an hour field above 23 is a day field
           row{"23:59:59", 23h + 59min + 59s},
       }) {
    EXPECT_EQ(options(R"({"rabbitMq": {"timeout": ")" + std::string(text) + "\"}}").timeout, span) << text;
  }
  EXPECT_EQ(options(R"({"rabbitMq": {"timeout": 3}})").timeout, 3 * 24h);
  for (const auto* bad : {"", "x", "30s", "00:60:00", "00:00:60", "1:2:3:4:5", "00:00:30 later", "1.24:00:00"}) {
    EXPECT_NE(refusal(R"({"rabbitMq": {"timeout": ")" + std::string(bad) + "\"}}"), "") << bad;
  }
}

TEST(configuration, null_and_what_is_missing_leave_the_initialiser) {
  EXPECT_EQ(json("{}").bind<Options>("rabbitMq").port, 5672);
  const auto bound = options(R"({"rabbitMq": {"port": null, "hostnames": null, "ssl": null, "processingTimeout": null, "services": {}}})");
  EXPECT_EQ(bound.port, 5672);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"localhost"});
  EXPECT_FALSE(bound.processing_timeout);
  EXPECT_EQ(json(R"({"rabbitMq": null})").bind<Options>("rabbitMq").port, 5672);
  EXPECT_EQ(json(R"({"rabbitMq": {"port": 1}})").add_json(R"({"rabbitMq": {"port": null}})").bind<Options>("rabbitMq").port, 5672);
}

TEST(configuration, an_optional_is_empty_for_null_and_the_empty_text) {
  EXPECT_EQ(options(R"({"rabbitMq": {"processingTimeout": "00:00:10"}})").processing_timeout, 10s);
  EXPECT_FALSE(options(R"({"rabbitMq": {"processingTimeout": ""}})").processing_timeout);
}

TEST(configuration, structs_dictionaries_and_lists_nest) {
  const auto bound = options(R"({"rabbitMq": {
    "ssl": {"enabled": true}, "services": {"orders": "http://orders"},
    "acl": {"orders-service": {"location": "/etc"}}, "certificates": [{"location": "a"}, {"enabled": "true"}]}})");
  EXPECT_TRUE(bound.ssl.enabled);
  EXPECT_EQ(bound.services.at("orders"), "http://orders");
  EXPECT_EQ(bound.acl.at("orders-service").location, "/etc");
  ASSERT_EQ(bound.certificates.size(), 2U);
  EXPECT_EQ(bound.certificates[0].location, "a");
  EXPECT_TRUE(bound.certificates[1].enabled);
}

TEST(configuration, a_list_replaces_the_default_and_an_empty_one_empties_it) {
  EXPECT_EQ(options(R"({"rabbitMq": {"hostnames": ["x"]}})").hostnames, std::vector<std::string>{"x"});
  EXPECT_EQ(options(R"({"rabbitMq": {"hostnames": []}})").hostnames, std::vector<std::string>{});
}

// ── Layers ──

TEST(configuration, lists_merge_by_index_and_dictionaries_by_key) {
  auto values = json(R"({"rabbitMq": {"hostnames": ["a", "b", "c"], "services": {"orders": "1", "pricing": "2"}}})");
  values.add_json(R"({"RABBITMQ": {"hostnames": ["rabbitmq"], "services": {"Pricing": "3", "deliveries": "4"}}})", "overlay");
  const auto bound = values.bind<Options>("rabbitMq");
  EXPECT_EQ(bound.hostnames, (std::vector<std::string>{"rabbitmq", "b", "c"}));
  EXPECT_EQ(bound.services, (std::map<std::string, std::string>{{"orders", "1"}, {"pricing", "3"}, {"deliveries", "4"}}));
}

TEST(configuration, list_elements_are_ordered_by_index_and_holes_close) {
  configuration values;
  values.add_variables(std::vector<std::string>{"rabbitMq__hostnames__10=c", "rabbitMq__hostnames__2=b", "rabbitMq__hostnames__0=a"});
  EXPECT_EQ(values.bind<Options>("rabbitMq").hostnames, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(configuration, variables_count_when_their_name_has_a_double_underscore) {
  configuration values;
  values.add_variables(
      std::vector<std::string>{"RABBITMQ__PORT=1", "RABBITMQ__SSL__ENABLED=true", "RABBITMQ=x", "PATH=/bin", "__X__Y=1", "A__=1", "EMPTY"});
  EXPECT_EQ(values.bind<Options>("rabbitMq").port, 1);
  EXPECT_TRUE(values.bind<Options>("rabbitMq").ssl.enabled);
  EXPECT_EQ(values.entries().size(), 2U);
  EXPECT_EQ(values.origin("rabbitMq:port"), "variable RABBITMQ__PORT");
}

TEST(configuration, arguments_set_values_and_the_others_are_handed_back) {
  configuration values;
  const auto rest = values.add_arguments(
      std::vector<std::string>{"--rabbitMq:port=1", "--urls", "http://localhost:5000", "--rabbitMq:hostnames:0", "h", "/rabbitMq:ratio=0.1",
                               "rabbitMq:connectionName=a=b", "--data", "/var/lib", "--verbose", "http://a:1/?x=1", "--", "--a:b=c"});
  const auto bound = values.bind<Options>("rabbitMq");
  EXPECT_EQ(bound.port, 1);
  EXPECT_EQ(bound.hostnames, std::vector<std::string>{"h"});
  EXPECT_EQ(bound.ratio, 0.1);
  EXPECT_EQ(bound.connection_name, "a=b");
  EXPECT_EQ(rest, (std::vector<std::string>{"--urls", "http://localhost:5000", "--data", "/var/lib", "--verbose", "http://a:1/?x=1", "--",
                                            "--a:b=c"}));
  EXPECT_EQ(refusal([&] { values.add_arguments(std::vector<std::string>{"--rabbitMq:port", "--urls"}); }),
            "argument --rabbitMq:port: rabbitMq:port: expected a value: --rabbitMq:port=value");
}

namespace {
class directory {
 public:
  directory() : path_(std::filesystem::temp_directory_path() / ("mamey_configuration_" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~directory() { std::filesystem::remove_all(path_); }
  void write(const std::string& name, std::string_view text) const { std::ofstream(path_ / name) << text; }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};
}  // namespace

TEST(configuration, the_usual_layers_win_in_their_order_and_the_environments_file_is_found_in_any_case) {
  const directory files;
  files.write("appsettings.json", R"({"app": {"a": "base", "b": "base", "c": "base", "d": "base", "e": "base"}})");
  files.write("appsettings.docker.json", R"({"app": {"b": "docker", "c": "docker", "d": "docker", "e": "docker"}})");
  files.write("appsettings.development.json", R"({"app": {"a": "development"}})");
  auto loaded = load_configuration({.directory = files.path(),
                                    .environment = "Docker",
                                    .arguments = {"--app:d=argument", "--app:e", "argument", "--urls=x"},
                                    .variables = {"APP__C=variable", "APP__D=variable"}});
  loaded.values.add_values(std::vector<std::pair<std::string, std::string>>{{"app:e", "vault"}}, "vault secret/orders");
  std::string all;
  for (const auto* key : {"a", "b", "c", "d", "e"}) all += *loaded.values.find(std::string("app:") + key) + " ";
  EXPECT_EQ(all, "base docker variable argument vault ");
  EXPECT_EQ(loaded.environment, "Docker");
  EXPECT_EQ(loaded.arguments, std::vector<std::string>{"--urls=x"});
  EXPECT_EQ(loaded.files.size(), 2U);
  EXPECT_EQ(loaded.values.origin("app:a"), files.path() + "/appsettings.json:1");
}

TEST(configuration, files_are_optional_but_a_broken_one_is_not_ignored) {
  const directory files;
  EXPECT_EQ(load_configuration({.directory = files.path(), .variables = {}}).files.size(), 0U);
  EXPECT_EQ(load_configuration({.directory = files.path() + "/nowhere", .variables = {}}).files.size(), 0U);
  files.write("appsettings.json", "");
  EXPECT_EQ(refusal([&] { load_configuration({.directory = files.path(), .variables = {}}); }),
            files.path() + "/appsettings.json: the file cannot be read or is empty");
}

TEST(configuration, the_environment_is_named_by_argument_or_variable) {
  using texts = std::vector<std::string>;
  EXPECT_EQ(environment_name({}, {}), "Production");
  EXPECT_EQ(environment_name({}, texts{"DOTNET_ENVIRONMENT=d"}), "d");
  EXPECT_EQ(environment_name({}, texts{"DOTNET_ENVIRONMENT=d", "ASPNETCORE_ENVIRONMENT=a"}), "a");
  EXPECT_EQ(environment_name({}, texts{"ASPNETCORE_ENVIRONMENT=a", "MAMEY_ENVIRONMENT=m"}), "m");
  EXPECT_EQ(environment_name(texts{"--environment", "x"}, texts{"MAMEY_ENVIRONMENT=m"}), "x");
  EXPECT_EQ(environment_name(texts{"--environment=x"}, {}), "x");
}

TEST(configuration, an_application_of_a_host_sees_its_own_section_on_top) {
  const auto values = json(R"({"rabbitMq": {"port": 1, "connectionName": "shared"}, "orders": {"RabbitMq": {"port": 2}}})");
  const auto bound = values.for_application("orders").bind<Options>("rabbitMq");
  EXPECT_EQ(bound.port, 2);
  EXPECT_EQ(bound.connection_name, "shared");
  EXPECT_EQ(values.for_application("pricing").bind<Options>("rabbitMq").port, 1);
}

TEST(configuration, a_section_is_a_path) {
  const auto values = json(R"({"a": {"b": {"rabbitMq": {"port": 7}}}})");
  EXPECT_EQ(values.section("a").section("b:rabbitMq").bind<Options>().port, 7);
  EXPECT_EQ(values.section("a:b").find("rabbitMq:port"), "7");
  EXPECT_EQ(values.section("a").keys(), std::vector<std::string>{"b"});
  EXPECT_FALSE(values.section("b").exists());
}

// ── What is wrong, and where ──

TEST(configuration, every_bad_value_is_refused_at_once_with_its_place_key_and_expected_form) {
  auto values = json(R"({
    "rabbitMq": {
      "port": "serviceport",
      "enabled": "maybe",
      "ssl": "yes",
      "hostnames": "a,b",
      "transport": "kafka",
      "connectionName": {"x": 1}
    }
  })");
  values.add_variables(std::vector<std::string>{"RABBITMQ__RATIO=half", "RABBITMQ__CERTIFICATES__X__ENABLED=1"});
  configuration_report report;
  Options bound;
  values.bind("rabbitMq", bound, report);
  std::vector<std::string> origins;
  for (const auto& problem : report.errors) origins.push_back(problem.origin + " " + problem.key);
  EXPECT_EQ(origins, (std::vector<std::string>{"appsettings.json:3 rabbitMq:port", "appsettings.json:4 rabbitMq:enabled",
                                               "appsettings.json:5 rabbitMq:ssl", "appsettings.json:6 rabbitMq:hostnames",
                                               "appsettings.json:7 rabbitMq:transport", "appsettings.json:8 rabbitMq:connectionName",
                                               "variable RABBITMQ__RATIO rabbitMq:ratio",
                                               "variable RABBITMQ__CERTIFICATES__X__ENABLED rabbitMq:certificates:X"}));
  const auto reason = refusal([&] { report.throw_if_any(); });
  EXPECT_NE(reason.find("appsettings.json:3: rabbitMq:port: expected an integer"), std::string::npos) << reason;
  EXPECT_NE(reason.find("got \"serviceport\""), std::string::npos) << reason;
  EXPECT_NE(reason.find("expected true or false, got \"maybe\""), std::string::npos) << reason;
  EXPECT_NE(reason.find("expected one of inProcess, sql"), std::string::npos) << reason;
  EXPECT_EQ(std::ranges::count(reason, '\n'), 7);
}

TEST(configuration, an_integer_out_of_range_is_a_bad_value) {
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": 65536}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": -1}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": 1.5}})"), "");
  EXPECT_NE(refusal(R"({"rabbitMq": {"port": ""}})"), "");
}

TEST(configuration, an_unknown_key_is_a_warning_that_guesses_what_was_meant) {
  auto values = json(R"({"rabbitMq": {"hostname": ["a"], "zzz": 1, "ssl": {"enabeld": true}, "connectionName ": "x"}})");
  configuration_report report;
  Options bound;
  values.bind("rabbitMq", bound, report);
  std::vector<std::string> said;
  for (const auto& warning : report.warnings) said.push_back(to_string(warning));
  EXPECT_EQ(said, (std::vector<std::string>{"appsettings.json:1: rabbitMq:hostname: unknown key: did you mean hostnames?",
                                            "appsettings.json:1: rabbitMq:zzz: unknown key",
                                            "appsettings.json:1: rabbitMq:ssl:enabeld: unknown key: did you mean enabled?",
                                            "appsettings.json:1: rabbitMq:connectionName : unknown key: did you mean connectionName?"}));
  EXPECT_TRUE(report.errors.empty());
}

TEST(configuration, a_misspelled_section_is_a_warning_once_the_right_one_is_missed) {
  const auto values = json(R"({"rabitMq": {"port": 1}, "other": {"x": 1}})");
  EXPECT_EQ(values.warnings().size(), 0U);
  values.bind<Options>("rabbitMq");
  ASSERT_EQ(values.warnings().size(), 1U);
  EXPECT_EQ(to_string(values.warnings()[0]), "appsettings.json:1: rabitMq: nobody reads this section: did you mean rabbitMq?");
}

namespace {
struct Limits {
  int size = 10;
  std::string url;
  static constexpr auto rules() { return all(field<&Limits::size>.at_least(1), field<&Limits::url>.required()); }
};
}  // namespace

TEST(configuration, rules_of_an_options_struct_hold) {
  EXPECT_EQ(json(R"({"limits": {"url": "x", "size": 5}})").bind<Limits>("limits").size, 5);
  const auto reason = refusal([] { json("{\"limits\": {\n\"size\": 0}}").bind<Limits>("limits"); });
  EXPECT_NE(reason.find("appsettings.json:2: limits:size: "), std::string::npos) << reason;
  EXPECT_NE(reason.find("limits:url: "), std::string::npos) << reason;
}

// ── Looking at it ──

TEST(configuration, prints_every_value_with_its_place_and_without_secrets) {
  auto values = json(R"({"rabbitMq": {"port": 1, "password": "guest"}, "mongo": {"connectionString": "mongodb://root:secret@localhost"}})");
  values.add_variables(std::vector<std::string>{"RABBITMQ__PORT=2"});
  EXPECT_EQ(to_string(values),
            "rabbitMq:port = 2   (variable RABBITMQ__PORT)\n"
            "rabbitMq:password = *****   (appsettings.json:1)\n"
            "mongo:connectionString = mongodb://root:*****@localhost   (appsettings.json:1)\n");
}

TEST(configuration, a_refused_secret_is_not_shown) {
  struct Secrets {
    int password = 0;
  };
  const auto reason = refusal([] { json(R"({"vault": {"password": "hunter2"}})").bind<Secrets>("vault"); });
  EXPECT_NE(reason.find("got \"*****\""), std::string::npos) << reason;
  EXPECT_EQ(reason.find("hunter2"), std::string::npos);
}
