#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
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

/// As EF Core keeps it on SQLite.
struct visit_state {
  uuid guest;
  timestamp at{};
  int stars = 0;
  static constexpr auto indexes() { return indexed<&visit_state::guest, &visit_state::at>; }
  static table_mapping mapping() {
    return {.table = "Visits", .id = "Id", .version = "Version", .naming = column_naming::pascal_case, .texts = column_texts::ef_core};
  }
};
class visit : public aggregate<uuid, visit_state> {
 public:
  visit() = default;
  visit(const uuid& id, visit_state state) : aggregate(id, std::move(state)) {}
  void rate(int stars) { change().stars = stars; }
};

class sqlite_mapping : public sqlite_fixture {
 protected:
  sql_value value(const std::string& sql) {
    sql_value found;
    db().query({.text = sql}, [&](const sql_row& row) { found = row.values.at(0); });
    return found;
  }
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
  EXPECT_EQ(
      start("create table \"Ledger\" (\"Id\" integer primary key, \"Total\" decimal(18,2), \"ClosedAt\" datetime, \"Code\" varchar(9))"),
      "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Total\" of total is decimal(18,2), expected TEXT (a "
      "decimal as a number would lose digits)");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" integer primary key, \"Total\" text, \"ClosedAt\" text, \"Code\" numeric)"),
            "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Code\" of code is numeric, expected TEXT");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" int, \"Total\" text, \"ClosedAt\" datetime, \"Code\" text, unique (\"Id\"))"),
            "prepared");
  EXPECT_EQ(start("create table \"Ledger\" (\"Id\" int, \"Total\" text, \"ClosedAt\" datetime, \"Code\" text, unique (\"Id\", \"Code\"))"),
            "mamey::testing::ledger_state does not fit the table \"Ledger\": column \"Id\" of the id may hold a value twice, expected a "
            "primary key or a unique index on it alone");
}

TEST_F(sqlite_mapping, texts_are_written_and_found_as_ef_core_keeps_them) {
  const auto id = [](char last) { return *uuid::parse(std::string("abcdef00-0000-7000-8000-00000000000") + last); };
  db().commit({.statements = {{.text = "create table \"Visits\" (\"Id\" TEXT not null primary key, \"Guest\" TEXT not null, \"At\" TEXT "
                                       "not null, \"Stars\" INTEGER "
                                       "not null, \"Version\" INTEGER null)"},
                              {.text = "insert into \"Visits\" values ('ABCDEF00-0000-7000-8000-00000000000A', "
                                       "'ABCDEF00-0000-7000-8000-00000000000F', '2026-01-02 "
                                       "03:04:05.6', 1, null)"}}});
  const collection* const all[] = {&aggregate_collection<visit>()};
  db().prepare(all);
  {
    unit_of_work unit(db());
    repository<visit> visits(unit);
    auto first = visits.get(id('a'));
    EXPECT_EQ(format_timestamp(first.state().at), "2026-01-02T03:04:05.6Z");
    first.rate(5);
    visits.save(first);
    visit second(id('b'), {.guest = id('f'), .at = *parse_timestamp("2026-01-02T03:04:05Z")});
    visits.add(second);
    EXPECT_EQ(visits.list({where<&visit_state::guest>(id('f'))}).total_results, 2) << "each once, before the commit";
    EXPECT_EQ(visits.list({}, {.order_by = "at", .sort_order = "asc"}).items.at(0).id(), id('b'));
    db().commit({.documents = unit.take_writes()});
  }
  EXPECT_EQ(value("select group_concat(\"Id\" || ' ' || \"Guest\" || ' ' || \"At\" || ' ' || \"Stars\", '; ') from (select * from "
                  "\"Visits\" order by \"Id\")"),
            sql_value(std::string("ABCDEF00-0000-7000-8000-00000000000A ABCDEF00-0000-7000-8000-00000000000F 2026-01-02 03:04:05.6 5; "
                                  "ABCDEF00-0000-7000-8000-00000000000B ABCDEF00-0000-7000-8000-00000000000F 2026-01-02 03:04:05 0")));
  for (const auto* order_by : {"", "at", "guest"}) {
    std::vector<uuid> seen;
    cursor_paging asked{.after = {}, .results_per_page = 1, .order_by = order_by, .sort_order = "asc"};
    for (int page = 0; page < 3; ++page) {
      unit_of_work unit(db());
      const auto found = repository<visit>(unit).scroll({where<&visit_state::guest>(id('f'))}, asked);
      for (const auto& each : found.items) seen.push_back(each.id());
      if (!found.next) break;
      asked.after = *found.next;
    }
    EXPECT_EQ(seen, order_by == std::string_view("at") ? (std::vector{id('b'), id('a')}) : (std::vector{id('a'), id('b')})) << order_by;
  }
  unit_of_work unit(db());
  auto gone = repository<visit>(unit).get(id('a'));
  repository<visit>(unit).remove(gone);
  db().commit({.documents = unit.take_writes()});
  EXPECT_EQ(value("select count(*) from \"Visits\""), sql_value(std::int64_t{1}));
}

TEST_F(sqlite_mapping, a_table_that_the_services_own_migration_makes_is_there_in_time) {
  environment_.migrations = {
      {1, "ledger", "create table \"Ledger\" (\"Id\" integer primary key, \"Total\" text not null, \"ClosedAt\" datetime, \"Code\" text)"}};
  store_ = std::make_unique<sqlite_store>(options_, environment_);
  const collection* const all[] = {&aggregate_collection<ledger>()};
  db().prepare(all);
  unit_of_work unit(db());
  repository<ledger>(unit).add(ledger(7, {.total = decimal("20.50"), .closed_at = wall_time(std::chrono::seconds(60)), .code = "007"}));
  db().commit({.documents = unit.take_writes()});
  unit_of_work later(db());
  const auto found = repository<ledger>(later).get(7);
  EXPECT_EQ(to_string(found.state().total), "20.50");
  EXPECT_EQ(found.state().closed_at, wall_time(std::chrono::seconds(60)));
  EXPECT_EQ(found.state().code, "007");
}

}  // namespace mamey::testing
