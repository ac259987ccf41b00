#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/domain/repository.hpp>

#include "sqlite_fixture.hpp"

namespace mamey::testing {

struct ledger_state {
  decimal total;
  std::optional<wall_time> closed_at = std::nullopt;
  std::string code;
  static table_mapping mapping() { return {.table = "Ledger", .id = "Id", .version = "", .naming = column_naming::pascal_case}; }
};
class ledger : public aggregate<std::int64_t, ledger_state> {
 public:
  ledger() = default;
  ledger(std::int64_t number, ledger_state state) : aggregate(number, std::move(state)) {}
};

class sqlite_mapping : public sqlite_fixture {
 protected:
  std::string start(const std::string& table) {
    db().commit({.statements = {{.text = "drop table if exists \"Ledger\""}, {.text = table}}});
    const collection* const all[] = {&aggregate_collection<ledger>()};
    try {
      db().prepare(all);
      return "prepared";
    } catch (const unavailable& refused) {
      return refused.reason();
    }
  }
};

TEST_F(sqlite_mapping, a_column_that_would_change_what_it_is_given_is_refused) {
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" integer primary key, \"Total\" decimal(18,2), \"ClosedAt\" datetime, \"Code\" varchar(9))"),
            "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Total\" of total is decimal(18,2), expected TEXT (a decimal as a number would lose digits)");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" integer primary key, \"Total\" text, \"ClosedAt\" text, \"Code\" numeric)"),
            "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Code\" of code is numeric, expected TEXT");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" int, \"Total\" text, \"ClosedAt\" datetime, \"Code\" text, unique (\"Id\"))"), "prepared");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" int, \"Total\" text, \"ClosedAt\" datetime, \"Code\" text, unique (\"Id\", \"Code\"))"),
            "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Id\" of the id may hold a value twice, expected a primary key or a unique index on it alone");
}

TEST_F(sqlite_mapping, a_table_that_the_services_own_migration_makes_is_there_in_time) {
  environment_.migrations = {{1, "ledger", "create table \"Ledger\" (\"Id\" integer primary key, \"Total\" text not null, \"ClosedAt\" datetime, \"Code\" text)"}};
  store_ = std::make_unique<sqlite_store>(options_, environment_);
  const collection* const all[] = {&aggregate_collection<ledger>()};
  db().prepare(all);
  unit_of_work unit(db());
  repository<ledger>(unit).add(ledger(7, {.total = decimal("20.50"), .closed_at = wall_time(std::chrono::seconds(60)), .code = "007"}));
  db().commit({.documents = std::move(unit.writes())});
  unit_of_work later(db());
  const auto found = repository<ledger>(later).get(7);
  EXPECT_EQ(to_string(found.state().total), "20.50");
  EXPECT_EQ(found.state().closed_at, wall_time(std::chrono::seconds(60)));
  EXPECT_EQ(found.state().code, "007");
}

}  // namespace mamey::testing
