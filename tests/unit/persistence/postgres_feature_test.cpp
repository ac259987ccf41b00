#include <mamey/core/configuration.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/postgres/feature.hpp>

#include "../../support/captured_composition.hpp"
#include "postgres_fixture.hpp"

namespace mamey::testing {
namespace {

class postgres_feature_test : public postgres_fixture {
 protected:
  std::unique_ptr<store> open_with(const std::string& json, std::string application) {
    configuration values;
    values.add_json(json);
    captured_composition composed;
    postgres({{1, "stock", "create table stock (sku text)"}}).install(composed);
    auto opened = composed.open_store({.application = std::move(application), .configuration = &values});
    opened->prepare({});
    return opened;
  }
};

}  // namespace

TEST_F(postgres_feature_test, an_application_keeps_its_tables_in_a_schema_of_its_own_name) {
  const auto section = R"({"postgres": {"connectionString": ")" + server_.connection_string() +
                       R"(", "seed": false, "readConnections": 2, "commandTimeout": "00:00:10"}})";
  const auto orders = open_with(section, schema_), pricing = open_with(section, schema_ + "-pricing");
  orders->commit(messages({message("m1")}));
  EXPECT_EQ(admin("select count(*) from stock"), "0");
  EXPECT_TRUE(pricing->claim_outbox({}).rows.empty()) << "an outbox is not shared";
  EXPECT_EQ(orders->claim_outbox({}).rows.size(), 1U);
  orders->sql()->query({.text = "show statement_timeout"},
                       [](const sql_row& row) { EXPECT_EQ(row.values.at(0), sql_value(std::string("10s"))); });
  orders->sql()->query({.text = "show application_name"}, [&](const sql_row& row) { EXPECT_EQ(row.values.at(0), sql_value(schema_)); });
  server_.execute("set client_min_messages = error; drop schema \"" + schema_ + "-pricing\" cascade");
}

TEST_F(postgres_feature_test, an_operator_sees_what_each_pool_has_open_lost_and_waiting) {
  configuration values;
  values.add_json(R"({"postgres": {"connectionString": ")" + server_.connection_string() + R"(", "schema": ")" + schema_ + R"("}})");
  metrics::registry shown;
  captured_composition composed;
  postgres().install(composed);
  const auto opened = composed.open_store({.application = "orders", .configuration = &values, .metrics = &shown});
  opened->prepare({});
  opened->commit(messages({message("m1")}));
  const metrics::registry* const all[] = {&shown};
  const auto text = metrics::expose(all);
  for (const auto* line : {"mamey_postgres_connections_opened_total{pool=\"flush\"} 1\n", "mamey_postgres_connections{pool=\"flush\"} 1\n",
                           "mamey_postgres_connections_lost_total{pool=\"read\"} 0\n", "mamey_postgres_waiting{pool=\"relay\"} 0\n",
                           "mamey_postgres_connections_refused_total{pool=\"interactive\"} 0\n", "mamey_postgres_retried_total 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(postgres_feature_test, a_search_path_or_a_schema_in_the_section_wins) {
  const auto by_path =
      open_with(R"({"postgres": {"connectionString": ")" + server_.connection_string() + ";Search Path=" + schema_ + R"("}})", "unused");
  EXPECT_EQ(admin("select count(*) from stock"), "0");
  EXPECT_EQ(admin("select count(*) from pg_namespace where nspname = 'unused'"), "0");
}

TEST_F(postgres_feature_test, what_cannot_be_meant_stops_the_start_naming_the_key) {
  try {
    open_with(R"({"postgres": {}})", "orders");
    FAIL();
  } catch (const unavailable& refused) {
    EXPECT_NE(refused.reason().find("postgres:connectionString"), std::string::npos) << refused.reason();
  }
  try {
    open_with("{\"postgres\": {\n\"connectionString\": \"Host=h;Hots=x\"}}", "orders");
    FAIL();
  } catch (const unavailable& refused) {
    EXPECT_NE(refused.reason().find(":2: postgres:connectionString: the connection string has the key \"Hots\""), std::string::npos)
        << refused.reason();
  }
  EXPECT_THROW(open_with(R"({"postgres": {"connectionString": "Host=h", "flushConnections": 0}})", "orders"), unavailable);
  EXPECT_THROW(open_with(R"({"postgres": {"connectionString": "Host=h;Maximum Pool Size=2"}})", "orders"), unavailable);
}

}  // namespace mamey::testing
