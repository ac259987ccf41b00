#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <mamey/core/decimal.hpp>
#include <mamey/persistence/sqlite/queues.hpp>

#include "sqlite_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class sqlite_schema : public sqlite_fixture {
 protected:
  strings column(const std::string& sql) {
    strings values;
    db().query({.text = sql}, [&](const sql_row& row) { values.push_back(std::get<std::string>(row.values[0])); });
    return values;
  }
  std::string refused_start() {
    try {
      open();
    } catch (const error& refused) {
      EXPECT_EQ(refused.kind(), error_kind::unavailable);
      EXPECT_EQ(refused.code(), "migration_refused");
      return refused.reason();
    }
    ADD_FAILURE() << "the store opened";
    return {};
  }
};

TEST_F(sqlite_schema, every_table_of_messages_has_every_column_of_the_envelope) {
  for (const auto* table : {"mamey_outbox", "mamey_outbox_archive", "mamey_inbox", "mamey_delayed", "mamey_errors"}) {
    const auto columns = column("select name from pragma_table_info('" + std::string(table) + "')");
    for (const auto* wanted :
         {"message_id", "correlation_id", "causation_id", "type",       "version",      "min_version",   "source",      "occurred_at_us",
          "key",        "stream",         "position",     "tenant",     "content_type", "expires_at_us", "traceparent", "user",
          "headers",    "body",           "exchange",     "routing_key"}) {
      EXPECT_NE(std::ranges::find(columns, wanted), columns.end()) << table << " lacks " << wanted;
    }
  }
}

TEST_F(sqlite_schema, the_file_is_durable_checked_and_in_write_ahead_mode) {
  EXPECT_EQ(column("pragma journal_mode"), strings{"wal"});
  auto writer = db().begin({}, 10s);
  const auto setting = [&](const std::string& name) {
    std::int64_t value = -1;
    writer->query({.text = "pragma " + name}, [&](const sql_row& row) { value = std::get<std::int64_t>(row.values[0]); });
    return value;
  };
  EXPECT_EQ(setting("synchronous"), 2) << "FULL";
  EXPECT_EQ(setting("foreign_keys"), 1);
}

// -- a service's own migrations ---------------------------------------------------------------------------------------

TEST_F(sqlite_schema, migrations_are_applied_once_in_order_from_list_and_folder) {
  const auto folder = directory_.file("migrations");
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/0002_fill.sql") << "insert into stock values ('a-1', 1); insert into stock values ('a-2', 2);";
  std::ofstream(folder + "/README.md") << "not a migration";
  options_.migrations = folder;
  environment_.migrations = {{3, "double", "update stock set amount = amount * 2"},
                             {1, "stock", "create table stock (sku text primary key, amount integer)"}};
  const auto stock = [&] { return column("select sku || '=' || amount from stock order by sku"); };
  EXPECT_EQ(stock(), (strings{"a-1=2", "a-2=4"}));
  open();
  EXPECT_EQ(stock(), (strings{"a-1=2", "a-2=4"}));
  std::ofstream(folder + "/0004_halve.sql") << "update stock set amount = amount / 2";
  open();
  EXPECT_EQ(stock(), (strings{"a-1=1", "a-2=2"}));
}

TEST_F(sqlite_schema, a_migration_that_fails_is_rolled_back_and_named) {
  environment_.migrations = {{1, "good", "create table good (id text)"},
                             {2, "bad", "create table half (id text); insert into nowhere values (1)"}};
  const auto reason = refused_start();
  EXPECT_NE(reason.find("2 bad"), std::string::npos) << reason;
  EXPECT_NE(reason.find("nowhere"), std::string::npos) << reason;
  environment_.migrations[1].sql = "create table half (id text)";
  open();
  EXPECT_EQ(column("select name from sqlite_master where name in ('good', 'half') order by name"), (strings{"good", "half"}));
}

TEST_F(sqlite_schema, a_migration_that_changed_after_it_was_applied_is_refused) {
  environment_.migrations = {{1, "stock", "create table stock (sku text)"}};
  open();
  environment_.migrations[0].sql = "create table stock (sku text, amount integer)";
  EXPECT_NE(refused_start().find("has changed"), std::string::npos);
}

TEST_F(sqlite_schema, a_migration_below_one_that_was_applied_is_refused) {
  environment_.migrations = {{2, "second", "select 1"}};
  open();
  environment_.migrations.insert(environment_.migrations.begin(), {1, "first", "select 1"});
  EXPECT_NE(refused_start().find("higher number"), std::string::npos);
}

TEST_F(sqlite_schema, two_migrations_of_one_number_a_stray_commit_and_a_bad_name_are_refused) {
  environment_.migrations = {{1, "one", "select 1"}, {1, "other", "select 1"}};
  EXPECT_NE(refused_start().find("migration service 1 one and migration service 1 other"), std::string::npos);
  environment_.migrations = {{1, "one", "create table t (a); commit"}};
  EXPECT_NE(refused_start().find("\"commit\" in line 1"), std::string::npos);
  environment_.migrations = {{1, "one", "select 1"}};
  EXPECT_EQ(column("select name from sqlite_master where name = 't'"), strings{}) << "nothing of it was begun";
  environment_.migrations.clear();
  options_.migrations = directory_.file("migrations");
  EXPECT_NE(refused_start().find("cannot be read"), std::string::npos);
  std::filesystem::create_directory(options_.migrations);
  std::ofstream(options_.migrations + "/first.sql") << "select 1";
  EXPECT_NE(refused_start().find("0001_"), std::string::npos);
}

TEST_F(sqlite_schema, an_older_release_runs_on_the_tables_of_a_newer_one) {
  db().commit({.statements = {{.text = "insert into mamey_schema values ('mamey', 99, 'of_the_next_release', 1, 0)"}}});
  db().commit({.statements = {{.text = "alter table mamey_outbox add column priority integer"}}});
  open();
  db().commit(messages({message("m1")}));
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
}

/// What the release of schema 1 says to the tables.
struct earlier_release {
  sqlite_store& on;
  std::int64_t run(std::string sql) const { return on.begin({}, 10s)->execute({.text = std::move(sql)}); }
  bool handles(const std::string& id) const {
    auto unit = on.begin({}, 10s);
    const auto entered = unit->execute({.text = "insert into mamey_inbox (subscription, message_id, handled_at_ms) values ('count', '" +
                                                id + "', 1) on conflict do nothing"});
    unit->commit({});
    return entered == 1;
  }
  bool was_handled(const std::string& id) const {
    bool found = false;
    on.query({.text = "select 1 from mamey_inbox where subscription = 'count' and message_id = '" + id + "'"},
             [&](const sql_row&) { found = true; });
    return found;
  }
};

TEST_F(sqlite_schema, this_release_and_the_one_before_it_know_each_other_s_handled_messages) {
  const earlier_release before{db()};
  EXPECT_TRUE(before.handles("m1"));
  for (const auto* tenant : {"", "t1"}) {
    EXPECT_TRUE(db().was_handled({"count", "m1", tenant})) << "it wrote no tenant: every one is meant";
    EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m1", tenant}}), commit_outcome::already_handled);
  }
  for (const auto* tenant : {"", "t1"}) {
    const auto id = std::string("m2") + tenant;
    EXPECT_EQ(db().commit({.inbox = inbox_key{"count", id, tenant}}), commit_outcome::committed);
    EXPECT_TRUE(before.was_handled(id));
    EXPECT_FALSE(before.handles(id)) << tenant;
  }
  EXPECT_FALSE(before.handles("m1"));
}

TEST_F(sqlite_schema, the_release_before_this_one_counts_and_replaces_delayed_rows_beside_it) {
  const auto claim = [&] { return db().claim_due({.token = "t", .lease = 0ms, .except = {}}).at(0); };
  const auto row = [](const std::string& attempts) {
    return "insert or replace into mamey_delayed (id, subscription, attempts, due_at_ms, delay_ms, first_failed_at_us) values ('d1', "
           "'count', " +
           attempts + ", 0, 0, 0)";
  };
  const auto commit = [&](const std::string& sql) { db().commit({.statements = {{.text = sql}}}); };
  commit(row("2"));
  EXPECT_EQ(claim().rounds, 2);
  EXPECT_EQ(claim().starts, 2);
  EXPECT_EQ(column("select cast(attempts as text) from mamey_delayed"), strings{"4"}) << "rounds and starts, as it counts them";
  commit("update mamey_delayed set attempts = attempts + 1, token = 'b', claimed_until_ms = 0, lease_ms = 0");
  EXPECT_EQ(claim().starts, 3);
  commit(row("3"));
  EXPECT_EQ(claim().starts, 1) << "what it stores again has come to an outcome";
  commit(
      "insert into mamey_starts (subscription, message_id, starts, started_at_ms) values ('count', 'm1', 1, 1) on conflict (subscription, "
      "message_id) do "
      "update set starts = starts + 1");
}

TEST_F(sqlite_schema, what_the_release_before_has_handled_survives_the_migration) {
  db();
  close();
  {
    // As schema 1 left it.
    sqlite3* file = nullptr;
    ASSERT_EQ(sqlite3_open(directory_.file("parts.db").c_str(), &file), SQLITE_OK);
    const auto* back = R"(
      drop table mamey_inbox;
      create table mamey_inbox (n integer primary key, subscription text not null, handled_at_ms integer not null, message_id text, correlation_id text,
        causation_id text, type text, version integer, min_version integer, source text, occurred_at_us integer, key text, stream text, position integer,
        tenant text, content_type text, expires_at_us integer, traceparent text, user text, headers text, body text, exchange text, routing_key text,
        unique (subscription, message_id));
      insert into mamey_inbox (n, subscription, message_id, handled_at_ms) values (7, 'count', 'm1', 1727000000000), (9, 'count', 'm2', 1728000000000);
      drop table mamey_handling_starts;
      alter table mamey_delayed drop column starts;
      alter table mamey_delayed drop column waits_since_us;
      drop table mamey_jobs;
      drop index mamey_delayed_by_type;
      drop index mamey_delayed_key;
      alter table mamey_delayed drop column holds_key;
      delete from mamey_schema where component = 'mamey' and version > 1)";
    EXPECT_EQ(sqlite3_exec(file, back, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(file);
    sqlite3_close(file);
  }
  open();
  EXPECT_TRUE(db().was_handled({"count", "m1", "t1"}));
  EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m2"}}), commit_outcome::already_handled);
  EXPECT_EQ(column("select n || ' ' || message_id || ' ' || handled_at_ms from mamey_inbox order by n"),
            (strings{"7 m1 1727000000000", "9 m2 1728000000000"}));
}

// -- columns of collections -------------------------------------------------------------------------------------------

enum class colour { red, deep_blue };
struct paint {
  std::string name;
  bool matt = false;
  int litres = 0;
  double density = 0;
  decimal price;
  std::optional<std::string> note;
  colour shade = colour::red;
};

class sqlite_columns : public sqlite_schema {
 protected:
  static collection paints(const strings& columns, const strings& unique = {}) {
    collection made{.name = "paints", .model = &model_of<paint>(), .columns = {}, .make = []() -> std::shared_ptr<void> {
                      return std::make_shared<paint>();
                    }};
    for (const auto& member : made.model->members) {
      const auto name = std::string(member.name);
      const bool is_unique = std::ranges::find(unique, name) != unique.end();
      if (is_unique || std::ranges::find(columns, name) != columns.end()) made.columns.push_back({name, &member, is_unique});
    }
    return made;
  }
  void prepare(const collection& declared) {
    const collection* const all[] = {&declared};
    open();
    db().prepare(all);
  }
  void add(const collection& to, const std::string& id, const paint& content, std::vector<sql_value> columns) {
    db().commit({.documents = {{.into = &to,
                                .kind = write_kind::insert,
                                .content = {.id = id, .body = json::to_string(content), .columns = std::move(columns)}}}});
  }
};

TEST_F(sqlite_columns, a_column_declared_later_is_filled_from_the_bodies_as_the_framework_would) {
  const auto before = paints({});
  prepare(before);
  add(before, "p1",
      {.name = "sky", .matt = true, .litres = 5, .density = 2, .price = *decimal::parse("20.50"), .note = "n", .shade = colour::deep_blue},
      {});
  add(before, "p2", {.name = "sea"}, {});

  const auto after = paints({"name", "matt", "litres", "density", "price", "note", "shade"});
  prepare(after);
  EXPECT_EQ(db().load(after, "p1")->columns, (std::vector<sql_value>{std::string("sky"), std::int64_t{1}, std::int64_t{5}, 2.0,
                                                                     std::string("20.5"), std::string("n"), std::string("deepBlue")}));
  EXPECT_EQ(db().load(after, "p2")->columns[5], sql_value());
  EXPECT_EQ(ids(db().find(after, {.where = {{"shade", std::string("deepBlue")}}})), strings{"p1"});
}

TEST_F(sqlite_columns, a_column_that_comes_back_after_an_older_release_is_filled_again) {
  const auto with = paints({"name"}), without = paints({});
  prepare(with);
  prepare(without);
  add(without, "p1", {.name = "sky"}, {});
  prepare(with);
  EXPECT_EQ(ids(db().find(with, {.where = {{"name", std::string("sky")}}})), strings{"p1"});
}

TEST_F(sqlite_columns, an_index_becomes_unique_and_ordinary_again) {
  const auto plain = paints({"name"}), unique = paints({}, {"name"});
  prepare(plain);
  add(plain, "p1", {.name = "sky"}, {std::string("sky")});
  prepare(unique);
  EXPECT_EQ(refusal_kind([&] { add(unique, "p2", {.name = "sky"}, {std::string("sky")}); }), error_kind::concurrency_conflict);
  prepare(plain);
  add(plain, "p2", {.name = "sky"}, {std::string("sky")});
}

TEST_F(sqlite_columns, decimals_sort_as_numbers) {
  const auto declared = paints({"price"});
  prepare(declared);
  for (const auto* price : {"9.5", "10.00", "-1"}) add(declared, price, {.price = *decimal::parse(price)}, {std::string(price)});
  EXPECT_EQ(ids(db().find(declared, {.where = {}, .order_by = "price"})), (strings{"-1", "9.5", "10.00"}));
}

TEST_F(sqlite_columns, searches_use_the_index) {
  const auto declared = paints({"name"});
  prepare(declared);
  std::string plan;
  db().query({.text = "explain query plan select id from paints where \"name\" is ?", .parameters = {std::string("x")}},
             [&](const sql_row& row) { plan += std::get<std::string>(row.values[3]); });
  EXPECT_NE(plan.find("paints_name_ix"), std::string::npos) << plan;
}

TEST_F(sqlite_columns, names_that_cannot_be_tables_are_refused) {
  for (const auto* name : {"", "1st", "a b", "x\"; drop table parts; --", "mamey_outbox", "sqlite_x"}) {
    collection wrong{.name = name, .model = &model_of<paint>(), .columns = {}};
    const collection* const all[] = {&wrong};
    EXPECT_THROW(db().prepare(all), error) << name;
  }
}

TEST_F(sqlite_columns, a_collection_the_store_was_not_prepared_for_is_named) {
  const auto declared = paints({});
  try {
    db().load(declared, "p1");
    FAIL();
  } catch (const error& refused) {
    EXPECT_NE(refused.reason().find("paints"), std::string::npos);
  }
}

}  // namespace mamey::testing
