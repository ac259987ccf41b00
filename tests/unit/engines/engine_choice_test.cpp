#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <mamey/application.hpp>
#include <mamey/core/configuration.hpp>
#include <mamey/engines/feature.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/host/detail/engine_choice.hpp>
#include <mamey/host/running_application.hpp>
#include <mamey/messaging/store.hpp>

namespace {

using namespace mamey;

constexpr auto with_database = R"({"postgres": {"connectionString": "Host=db;Database=shop"}})";
constexpr auto with_broker = R"({"rabbitMq": {"hostNames": ["broker"]}})";

// snippet own-engines
struct other_engines {
  engine_use store = engine_use::always, broker = engine_use::when_configured;
  void install(composition& into) const {
    into.use_store({.name = "paper", .feature = "others::paper()", .use = store},
                   [](const environment&) { return std::unique_ptr<mamey::store>(); });
    into.use_transport({.name = "pigeon", .feature = "others::pigeon()", .needs = "pigeon:loft", .needs_form = "an address", .use = broker},
                       [](const environment&) { return std::shared_ptr<transport>(); });
  }
};
// end own-engines

application with_engines() { return application("orders").add(engines()); }

/// What `what` uses with these settings, in words.
std::string choice_of(application what, std::initializer_list<std::string_view> settings, bool process_is_shared = false) {
  configuration values;
  for (const auto each : settings) values.add_json(each, "appsettings.json");
  const auto definition = std::move(what).release();
  return choose_engines(*definition, values, process_is_shared).in_words;
}

/// The line that refuses it.
std::string refusal_of(application what, std::initializer_list<std::string_view> settings) {
  try {
    return "chosen: " + choice_of(std::move(what), settings);
  } catch (const configuration_error& refused) {
    return refused.reason();
  }
}

TEST(engines, are_a_file_and_its_queues_where_nothing_is_configured) {
  EXPECT_EQ(choice_of(with_engines(), {}), "stores in sqlite, messages go through sql");
  EXPECT_EQ(choice_of(with_engines(), {}, true), "stores in sqlite, messages go through inProcess") << "in a host of several applications";
}

TEST(engines, are_the_servers_whose_sections_are_given) {
  EXPECT_EQ(choice_of(with_engines(), {with_database, with_broker}),
            "stores in postgres (postgres:connectionString is set by appsettings.json:1), messages go through rabbitMq (rabbitMq:hostNames "
            "is set by appsettings.json:1)");
  EXPECT_EQ(choice_of(with_engines(), {with_broker}, true),
            "stores in sqlite, messages go through rabbitMq (rabbitMq:hostNames is set by appsettings.json:1)");
}

TEST(engines, a_section_that_a_later_layer_empties_is_not_given) {
  EXPECT_EQ(choice_of(with_engines(), {with_database, R"({"postgres": {"connectionString": ""}})"}),
            "stores in sqlite, messages go through sql");
}

TEST(engines, are_what_the_configuration_names_whatever_else_is_given) {
  EXPECT_EQ(choice_of(with_engines(),
                      {with_database, with_broker, R"({"persistence": {"store": "sqlite"}, "messaging": {"transport": "inProcess"}})"}),
            "stores in sqlite (persistence:store is set by appsettings.json:1), messages go through inProcess (messaging:transport is set "
            "by appsettings.json:1)");
  EXPECT_EQ(choice_of(with_engines(), {with_broker, R"({"messaging": {"transport": "SQL"}})"}),
            "stores in sqlite, messages go through sql (messaging:transport is set by appsettings.json:1)")
      << "letters count in any case";
}

TEST(engines, a_broker_whose_hosts_are_misspelt_or_empty_is_refused_although_something_else_would_carry_messages) {
  for (const auto* each : {R"({"rabbitMq": {"hostname": ["broker"], "port": 5672}})", R"({"rabbitMq": {"hostNames": []}})",
                           R"({"rabbitMq": {"hosts": ["broker"]}})", R"({"rabbitMq": {"port": 5672}})",
                           R"({"rabbitMq": {"username": "orders", "ssl": {"enabled": true}}})"}) {
    const auto said = refusal_of(with_engines(), {each});
    EXPECT_NE(said.find("appsettings.json:1: rabbitMq:"), std::string::npos) << said;
    EXPECT_NE(said.find("RabbitMQ hostnames are not specified"), std::string::npos) << said;
  }
  EXPECT_EQ(refusal_of(with_engines(), {R"({"rabbitMq": {"port": 5672}, "messaging": {"transport": "sql"}})"}),
            "chosen: stores in sqlite, messages go through sql (messaging:transport is set by appsettings.json:1)")
      << "said with a key";
  EXPECT_EQ(refusal_of(with_engines(), {R"({"rabbitMq": {"conventionsCasing": "snakeCase", "exchange": {"name": "orders"}}})"}),
            "chosen: stores in sqlite, messages go through sql")
      << "names hold for every transport";
  EXPECT_EQ(refusal_of(with_engines(), {with_broker, R"({"messaging": {"transport": "sql"}, "rabbitMq": {"port": "serviceport"}})"}),
            "appsettings.json:1: rabbitMq:port: expected an integer, got \"serviceport\"")
      << "its keys are checked all the same";
}

TEST(engines, named_without_the_setting_they_need_are_refused_with_its_form) {
  EXPECT_EQ(refusal_of(with_engines(), {R"({"messaging": {"transport": "rabbitMq"}})"}),
            "appsettings.json:1: messaging:transport: rabbitMq needs rabbitMq:hostNames, which is not set: expected a list of hosts, "
            "[\"localhost\"] for one");
  EXPECT_EQ(refusal_of(with_engines(), {R"({"persistence": {"store": "postgres"}})"}),
            "appsettings.json:1: persistence:store: postgres needs postgres:connectionString, which is not set: expected "
            "Host=…;Database=…;Username=…;Password=…");
}

TEST(engines, of_an_unknown_name_are_refused_with_the_known_ones) {
  EXPECT_EQ(refusal_of(with_engines(), {R"({"messaging": {"transport": "kafka"}})"}),
            "appsettings.json:1: messaging:transport: expected inProcess, sql or rabbitMq, got \"kafka\"");
  EXPECT_EQ(refusal_of(with_engines(), {R"({"persistence": {"store": "oracle"}})"}),
            "appsettings.json:1: persistence:store: expected sqlite or postgres, got \"oracle\"");
  EXPECT_EQ(refusal_of(application("orders").add(messaging()), {R"({"messaging": {"transport": "kafka"}})"}),
            "appsettings.json:1: messaging:transport: expected inProcess or sql; with mamey::rabbitmq() also rabbitMq, got \"kafka\"");
}

TEST(engines, that_the_application_was_built_without_are_refused_with_what_to_add) {
  EXPECT_EQ(refusal_of(application("orders").add(sqlite()), {with_database, R"({"persistence": {"store": "postgres"}})"}),
            "appsettings.json:1: persistence:store: postgres is not part of application orders: add mamey::postgres() and link "
            "mamey::persistence_postgres, or mamey::engines(), "
            "which has all; without it expected sqlite");
  EXPECT_EQ(refusal_of(application("orders").add(messaging()), {R"({"messaging": {"transport": "rabbitMq"}})"}),
            "appsettings.json:1: messaging:transport: rabbitMq is not part of application orders: add mamey::rabbitmq() and link "
            "mamey::messaging_rabbitmq, or mamey::engines(), "
            "which has all; without it expected inProcess or sql");
}

TEST(engines, the_sql_transport_needs_durable_queues) {
  EXPECT_EQ(
      refusal_of(application("orders").add(other_engines()).add(messaging()), {R"({"messaging": {"transport": "sql"}})"}),
      "appsettings.json:1: messaging:transport: sql needs durable queues, and the store of application orders (others::paper()) has none");
  EXPECT_EQ(refusal_of(application("orders").add(messaging()), {R"({"messaging": {"transport": "sql"}})"}),
            "appsettings.json:1: messaging:transport: sql needs durable queues, and application orders has no store; add one, e.g. "
            ".add(mamey::sqlite())");
}

TEST(engines, of_which_two_are_configured_are_refused_until_one_is_named) {
  const auto two = [] { return application("orders").add(engines()).add(other_engines{.store = engine_use::when_configured}); };
  constexpr auto with_pigeon = R"({"pigeon": {"loft": "roof"}})";
  EXPECT_EQ(refusal_of(two(), {with_broker, with_pigeon}),
            "appsettings.json:1: messaging:transport: expected rabbitMq or pigeon, as rabbitMq:hostNames is set by appsettings.json:1 and "
            "pigeon:loft is set by appsettings.json:1");
  EXPECT_EQ(choice_of(two(), {with_broker, with_pigeon, R"({"messaging": {"transport": "pigeon"}})"}),
            "stores in sqlite, messages go through pigeon (messaging:transport is set by appsettings.json:1)");
}

TEST(engines, one_that_was_added_alone_is_used_without_a_word_of_configuration) {
  EXPECT_EQ(choice_of(application("orders").add(postgres()).add(rabbitmq()).add(messaging()), {}, true),
            "stores in postgres, messages go through rabbitMq");
  EXPECT_EQ(choice_of(application("orders").add(sqlite()).add(messaging()), {}), "stores in sqlite, messages go through sql");
  EXPECT_EQ(choice_of(application("orders").add(postgres()).add(messaging()), {}), "stores in postgres, messages go through sql");
  EXPECT_EQ(choice_of(application("orders").add(other_engines()).add(messaging()), {}), "stores in paper, messages go through inProcess")
      << "a store without queues";
  EXPECT_EQ(choice_of(application("orders"), {}), "has no store");
}

TEST(engines, twice_the_same_are_refused_naming_both_features) {
  try {
    auto twice = with_engines().add(rabbitmq());
    std::move(twice).release()->throw_if_refused();
    FAIL() << "taken";
  } catch (const error& refused) {
    EXPECT_EQ(refused.reason(),
              "application orders gets its transport from mamey::rabbitmq() already; mamey::rabbitmq() would be a second one");
  }
}

TEST(engines, are_chosen_before_anything_is_opened) {
  application_surroundings around;
  around.configuration.add_json(R"({"messaging": {"transport": "kafka"}})", "appsettings.json");
  EXPECT_THROW(running_application(with_engines().release(), std::move(around)), configuration_error);
}

}  // namespace
