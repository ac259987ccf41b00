#include <mamey/persistence/postgres/detail/collections.hpp>
#include <mamey/persistence/postgres/store.hpp>

#include "../support/postgres_server.hpp"
#include "condition_conformance.hpp"
#include "mapping_conformance.hpp"
#include "sql_conformance.hpp"

namespace mamey::testing {
namespace {

/// A schema of the executable's own server. Its clock is the database's, and leases and due times ask it through one function: the test
/// puts another in its place.
class postgres_database final : public test_database {
 public:
  ~postgres_database() override { server_.execute("set client_min_messages = error; drop schema if exists " + schema_ + " cascade"); }

  std::unique_ptr<store> open() override {
    auto opened = std::make_unique<postgres_store>(postgres_options{.connection_string = server_.connection_string(), .schema = schema_});
    opened->prepare({});
    move_clock({});
    return opened;
  }

  void move_clock(std::chrono::milliseconds span) override {
    offset_ += span;
    server_.execute("create or replace function " + schema_ + ".mamey_now_ms() returns bigint language sql volatile as $$ select " +
                    std::to_string(frozen_.count() + offset_.count()) + "::bigint $$");
  }

  std::string type_for(column_content content) const override {
    switch (content) {
      case column_content::boolean:
        return "boolean";
      case column_content::integer:
        return "integer";
      case column_content::real:
        return "double precision";
      case column_content::decimal:
        return "numeric(18,2)";
      case column_content::uuid:
        return "uuid";
      case column_content::time:
        return "timestamp with time zone";
      case column_content::date:
        return "date";
      case column_content::text:
        return "character varying(200)";
      case column_content::bytes:
        return "bytea";
      case column_content::json:
        return "jsonb";
    }
    return {};
  }

  std::optional<planner> planning() const override {
    server_.execute("analyze " + schema_ + ".books");
    return planner{.dialect = postgres_detail::dialect(), .explain = "explain "};
  }

 private:
  postgres_server& server_ = postgres_server::shared();
  std::string schema_ = postgres_server::fresh_name();
  // It stands still unless moved: what the suite measures must not depend on how fast the machine is.
  const std::chrono::milliseconds frozen_{
      std::stoll(server_.execute("select floor(extract(epoch from clock_timestamp()) * 1000)::bigint")[0][0])};
  std::chrono::milliseconds offset_{};
};

}  // namespace

static std::unique_ptr<test_database> make_postgres() { return std::make_unique<postgres_database>(); }
INSTANTIATE_TEST_SUITE_P(postgres, store_conformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, mapping_conformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, value_conformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, condition_conformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, mapped_condition_conformance, ::testing::Values(make_postgres));
INSTANTIATE_TEST_SUITE_P(postgres, sql_conformance, ::testing::Values(make_postgres));

}  // namespace mamey::testing
