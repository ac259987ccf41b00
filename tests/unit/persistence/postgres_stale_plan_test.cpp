#include <thread>

#include "postgres_fixture.hpp"

namespace mamey::testing {

class postgres_stale_plan : public postgres_fixture {
 protected:
  postgres_stale_plan() {
    server_.execute("create schema " + schema_ + "; create table " + schema_ +
                    ".articles (id int primary key, name varchar(20)); insert into " + schema_ + ".articles values (1, 'one')");
    open();
  }
  std::string first_row() {
    std::string shown;
    db().query({.text = "select a.*, pg_sleep(0.02) from articles a"},
               [&](const sql_row& row) { shown = std::get<std::string>(row.values.at(1)); });
    return shown;
  }
  /// Every connection of the pool has run the statement, and keeps its plan.
  void warm() {
    for (int round = 0; round < 3; ++round) {
      std::vector<std::jthread> readers;
      for (int i = 0; i < 2 * options_.read_connections; ++i) readers.emplace_back([&] { EXPECT_EQ(first_row(), "one"); });
    }
  }
};

TEST_F(postgres_stale_plan, a_table_that_changes_under_warm_connections_costs_no_reader_an_error) {
  warm();
  admin("alter table articles add column extra int");
  EXPECT_EQ(first_row(), "one");
  warm();
  admin("alter table articles alter column name type text");
  EXPECT_EQ(first_row(), "one");
  warm();
}

TEST_F(postgres_stale_plan, nor_a_handler_that_reads_in_its_transaction) {
  const auto read = [&] {
    const auto unit = db().begin(std::nullopt, std::chrono::minutes(1));
    std::int64_t seen = 0;
    for (int i = 0; i < 2; ++i)
      unit->query({.text = "select * from articles"}, [&](const sql_row& row) { seen += std::get<std::int64_t>(row.values.at(0)); });
    unit->rollback();
    return seen;
  };
  for (int i = 0; i < 2 * options_.interactive_connections; ++i) EXPECT_EQ(read(), 2);
  admin("alter table articles add column extra int");
  EXPECT_EQ(read(), 2);
}

}  // namespace mamey::testing
