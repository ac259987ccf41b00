// What is asked of a migration before it runs, whatever database is beneath.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/messaging/slot.hpp>
#include <mamey/persistence/migration.hpp>

#include "../../support/temporary_directory.hpp"
#include "../observability/log_capture.hpp"

namespace mamey::testing {
namespace {

std::string refusal_of(const std::string& sql) {
  try {
    script_of({1, "step", sql}, "step 1");
  } catch (const unavailable& refused) {
    return refused.reason();
  }
  return {};
}

TEST(migration, transaction_control_is_refused_before_it_runs_wherever_it_hides) {
  for (const auto* sql : {
           "commit",
           "COMMIT;",
           "create table t (a int); Commit; create table u (a int)",
           "begin; create table t (a int)",
           "create table t (a int); end",
           "rollback",
           "abort;",
           "savepoint s",
           "release s",
           "start transaction",
           "prepare transaction 'x'",
           "/* a */ -- b\n commit",
           "insert into t values ('a;b'); /* ; */ commit",
           "insert into t values ('it''s'); commit",
           "insert into t values (E'\\'; '); commit",
           "create function f() returns int language sql as $$ select 1; $$; commit",
           "create function f() returns int as $a$ $$ $b$ $a$ language sql; commit",
           "create trigger t after insert on a begin update a set b = case when b then 1 else 2 end; end; commit",
           "create procedure p() begin atomic insert into a values (1); end; rollback",
           "select \"a;\" from `b;`; commit",
       })
    EXPECT_NE(refusal_of(sql), "") << sql;
  EXPECT_EQ(refusal_of("create table t (a int);\n\n  -- done\n  ROLLBACK TO s;"),
            "step 1 was not begun: \"rollback\" in line 4 would begin or end a transaction, but a migration runs whole in one of its "
            "own: leave BEGIN, COMMIT, "
            "ROLLBACK and savepoints out");
}

TEST(migration, what_only_looks_like_it_is_run) {
  for (const auto* sql : {
           "",
           ";",
           "-- commit\n",
           "/* commit; */ select 1",
           "insert into t values ('x; commit; y')",
           "insert into t values ($$; commit; $$)",
           "do $body$ begin perform 1; end $body$",
           "create function f() returns trigger as $$ begin commit; end $$ language plpgsql",
           "create trigger t after insert on a for each row when (case when new.b then 1 else 0 end) begin update a set b = case when c "
           "then 1 else 2 end; delete from d; end",
           "create temp trigger if not exists t before update on a begin select 1; end; create table t (a int)",
           "create or replace procedure p() begin atomic insert into a values (1); delete from b; end; select 1",
           "select a.begin, a.end from a",
           "create table commits (\"commit\" int, ended int); insert into commits values ($1, 2)",
           "update t set a = 1 where b = 'rollback'",
           "create table \"begin\" (a int)",
           "select 1 -- it's\n; select 2",
           "create trigger t after insert on a execute function begin_audit()",
       })
    EXPECT_EQ(refusal_of(sql), "") << sql;
}

TEST(migration, line_ends_and_a_byte_order_mark_change_neither_the_script_nor_what_is_remembered) {
  const std::string plain = "create table t (a text);\ninsert into t values ('x\ny');\n",
                    windows = "create table t (a text);\r\ninsert into t values ('x\r\ny');\r\n", mark = "\xEF\xBB\xBF";
  const sql_migration as_it_was{1, "t", plain};
  for (const auto& text : {plain, windows, mark + plain, mark + windows}) {
    const sql_migration step{1, "t", text};
    EXPECT_EQ(script_of(step, "t"), plain);
    EXPECT_EQ(checksum_of(step), checksum_of(as_it_was));
    // Earlier releases remembered the bytes of the file that they had.
    for (const auto& earlier : {plain, windows, mark + plain, mark + windows})
      EXPECT_FALSE(is_missing(step, {{1, static_cast<std::int64_t>(crc32c(earlier))}}, "t"));
    EXPECT_THROW(is_missing(step, {{1, static_cast<std::int64_t>(crc32c("create table u (a text);\n"))}}, "t"), unavailable);
  }
}

TEST(migration, a_file_that_is_passed_over_is_named) {
  const temporary_directory folder;
  for (const auto* name : {"0001_stock.sql", "0002_prices.SQL", "0003_old.sql.bak", "0004_later.txt", "README.md", ".keep"})
    std::ofstream(folder.file(name)) << "select 1";
  std::filesystem::create_directory(folder.file("0005_folder.sql.d"));
  const log_capture log;
  EXPECT_EQ(collect_migrations({}, folder.path()).size(), 1U);
  std::string said;
  for (const auto& each : log.records()) said += each.message + "\n";
  for (const auto* name : {"0002_prices.SQL", "0003_old.sql.bak", "0004_later.txt"})
    EXPECT_NE(said.find(name), std::string::npos) << name << " in " << said;
  for (const auto* name : {"README.md", ".keep", "0005_folder", "0001_stock"})
    EXPECT_EQ(said.find(name), std::string::npos) << name << " in " << said;
}

}  // namespace
}  // namespace mamey::testing
