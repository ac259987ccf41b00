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
  EXPECT_NE(refused_start().find("one and other"), std::string::npos);
  environment_.migrations = {{1, "one", "create table t (a); commit"}};
  EXPECT_NE(refused_start().find("COMMIT"), std::string::npos);
  environment_.migrations.clear();
  options_.migrations = directory_.file("migrations");
  EXPECT_NE(refused_start().find("cannot be read"), std::string::npos);
  std::filesystem::create_directory(options_.migrations);
  std::ofstream(options_.migrations + "/first.sql") << "select 1";
  EXPECT_NE(refused_start().find("0001_"), std::string::npos);
}

TEST_F(sqlite_schema, an_older_release_runs_on_the_tables_of_a_newer_one) {
  db().commit({.statements = {{.text = "insert into mamey_schema values ('mamey', 2, 'of_the_next_release', 1, 0)"}}});
  db().commit({.statements = {{.text = "alter table mamey_outbox add column priority integer"}}});
  open();
  db().commit(messages({message("m1")}));
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
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
    collection made{.name = "paints", .model = &model_of<paint>(), .columns = {}};
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
                                                                     std::string("20.50"), std::string("n"), std::string("deepBlue")}));
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
