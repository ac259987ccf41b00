#include <filesystem>
#include <fstream>

#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/domain/collection.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

enum class grade : std::uint8_t { rough, fine };

struct every_column {
  uuid owner;
  decimal price;
  wall_time made_at{};
  grade kind = grade::rough;
  bool sold = false;
  double weight = 0;
  std::optional<std::string> note;

  static constexpr auto indexes() {
    return indexed<&every_column::owner, &every_column::price, &every_column::made_at, &every_column::kind, &every_column::sold,
                   &every_column::weight, &every_column::note>;
  }
};

class postgres_schema : public postgres_fixture {
 protected:
  std::string refused() {
    try {
      open();
      return "prepared";
    } catch (const unavailable& refusal) {
      return refusal.reason();
    }
  }
};

TEST_F(postgres_schema, declared_members_are_columns_of_their_own_types) {
  const auto stock = detail::make_collection<every_column, every_column>(false);
  const collection* const all[] = {&stock};
  db().prepare(all);
  EXPECT_EQ(admin("select string_agg(data_type, ',' order by ordinal_position) from information_schema.columns where table_name = "
                  "'every_columns' and table_schema = '" +
                  schema_ + "' and ordinal_position > 4"),
            "uuid,numeric,timestamp with time zone,text,boolean,double precision,text");
  every_column item{.owner = *uuid::parse("0198c0de-0000-7000-8000-000000000001"),
                    .price = decimal("20.50"),
                    .made_at = wall_time(std::chrono::microseconds(1'500'000)),
                    .kind = grade::fine,
                    .sold = true,
                    .weight = 0.25,
                    .note = std::nullopt};
  document_write change{.into = &stock, .kind = write_kind::upsert, .content = {.id = "a", .body = {}, .columns = {}}};
  fill_document(change.content, stock, &item);
  const auto written = change.content.columns;
  db().commit({.documents = {change}});
  change.content.id = "b";
  item.price = decimal("3");
  fill_document(change.content, stock, &item);
  db().commit({.documents = {change}});
  const auto found = db().find(stock, {.where = {}, .order_by = "price"});
  EXPECT_EQ(ids(found), (std::vector<std::string>{"b", "a"})) << "a decimal sorts as the number it is";
  for (const std::size_t column : {0U, 1U, 3U, 4U, 5U, 6U}) EXPECT_EQ(found[1].columns[column], written[column]) << column;
  for (std::size_t column = 0; column < written.size(); ++column)
    EXPECT_EQ(ids(db().find(stock, {.where = {{stock.columns[column].name, written[column]}, {"id", std::string("a")}}})),
              std::vector<std::string>{"a"})
        << column;
}

TEST_F(postgres_schema, a_column_declared_later_is_filled_from_the_bodies) {
  insert("p1", 7);
  admin("drop index parts_amount_ix; alter table parts drop column amount; delete from mamey_columns where name = 'amount'");
  open();
  EXPECT_EQ(amount_of("p1"), 7);
  EXPECT_EQ(ids(db().find(parts(), {.where = {{"amount", std::int64_t{7}}}})), std::vector<std::string>{"p1"});
}

TEST_F(postgres_schema, instances_that_start_together_prepare_once) {
  environment_.migrations = {{1, "stock", "create table stock (sku text primary key); insert into stock values ('a')"}};
  std::vector<std::jthread> instances;
  for (int i = 0; i < 4; ++i) instances.emplace_back([&] { make(); });
  instances.clear();
  EXPECT_EQ(admin("select count(*) from stock"), "1");
  EXPECT_EQ(admin("select count(*) from mamey_schema where component = 'service'"), "1");
  EXPECT_EQ(admin("select count(*) = count(distinct (component, version)) from mamey_schema"), "t");
}

TEST_F(postgres_schema, an_instance_waits_for_the_migrations_of_another_longer_than_a_statement_or_a_lock_may_take) {
  const auto role = postgres_server::fresh_name();
  admin("create role " + role + " login superuser; alter role " + role + " set lock_timeout = '100ms'");
  options_.connection_string += ";Username=" + role;
  options_.command_timeout = 500ms;
  environment_.migrations = {{1, "slow", "create table stock (sku text); select pg_sleep(2)"}};
  const auto sleeps = [&] {
    return admin("select count(*) from pg_stat_activity where usename = '" + role +
                 "' and query like '%pg_sleep(2)%' and state = 'active'") == "1";
  };
  {  // the trial and the second both make the schema
    std::jthread tries([&] { EXPECT_FALSE(postgres_store(options_, environment_).try_migrations().empty()); });
    wait_for(sleeps);
    make();
  }
  admin("delete from mamey_schema where component = 'service'; drop table stock");
  {
    std::jthread first([&] { make(); });
    wait_for(sleeps);
    make();
  }
  EXPECT_EQ(admin("select count(*) from mamey_schema where component = 'service'"), "1");
}

TEST_F(postgres_schema, a_migration_that_fails_is_undone_whole_and_stops_the_start) {
  environment_.migrations = {{1, "stock", "create table stock (sku text)"},
                             {2, "prices", "create table prices (sku text); insert into nowhere values (1)"}};
  const auto reason = refused();
  EXPECT_NE(reason.find("service 2 prices"), std::string::npos) << reason;
  EXPECT_NE(reason.find("nowhere"), std::string::npos) << reason;
  EXPECT_EQ(admin("select to_regclass('stock') is not null, to_regclass('prices')"), "t");
  EXPECT_EQ(admin("select count(*) from mamey_schema where component = 'service'"), "1");
}

TEST_F(postgres_schema, a_migration_that_changed_or_comes_too_late_stops_the_start) {
  environment_.migrations = {{2, "stock", "create table stock (sku text)"}};
  open();
  environment_.migrations[0].sql += " -- better";
  EXPECT_NE(refused().find("has changed since it was applied"), std::string::npos);
  environment_.migrations = {{1, "early", "select 1"}, {2, "stock", "create table stock (sku text)"}};
  EXPECT_NE(refused().find("give it a higher number"), std::string::npos);
  environment_.migrations = {{3, "ends", "create table a (b int); commit; create table c (d int)"}};
  EXPECT_NE(refused().find("\"commit\" in line 1"), std::string::npos);
  EXPECT_EQ(admin("select to_regclass('a')"), "");
}

TEST_F(postgres_schema, migrations_are_read_from_files_and_can_be_tried) {
  const temporary_directory folder;
  const auto file = folder.file("0001_stock.sql");
  std::ofstream(file) << "create table stock (sku text);\n-- a comment; with a semicolon\ninsert into stock values ($$;$$);";
  options_.migrations = folder.path();
  options_.dry_run = true;
  const auto told = refused();
  EXPECT_NE(told.find("nothing was changed"), std::string::npos) << told;
  EXPECT_NE(told.find("mamey 1 outbox_inbox_delayed_errors"), std::string::npos) << told;
  EXPECT_NE(told.find("service 1 stock (" + file + ")"), std::string::npos) << told;
  EXPECT_EQ(server_.execute("select count(*) from pg_namespace where nspname = '" + schema_ + "'")[0][0], "0");
  options_.dry_run = false;
  open();
  EXPECT_EQ(admin("select sku from stock"), ";");
  EXPECT_TRUE(db().try_migrations().empty());
  options_.dry_run = true;
  EXPECT_NE(refused().find("no migration is missing"), std::string::npos);
}

TEST_F(postgres_schema, a_file_that_changed_after_it_was_applied_or_is_named_otherwise_stops_the_start_naming_it) {
  const temporary_directory folder;
  const auto file = folder.file("0001_stock.sql");
  std::ofstream(file) << "create table stock (sku text)";
  options_.migrations = folder.path();
  open();
  std::ofstream(file) << "create table stock (sku text, amount int)";
  for (const bool dry : {true, false}) {
    options_.dry_run = dry;
    const auto told = refused();
    EXPECT_NE(told.find(file), std::string::npos) << told;
    EXPECT_NE(told.find("has changed since it was applied; restore it and put the change into a new one"), std::string::npos) << told;
  }
  EXPECT_EQ(admin("select count(*) from information_schema.columns where table_name = 'stock' and table_schema = '" + schema_ + "'"), "1");
  std::ofstream(file) << "create table stock (sku text)";
  const auto nameless = folder.file("more.sql"), twice = folder.file("01_again.sql");
  std::ofstream(nameless) << "select 1";
  auto told = refused();
  EXPECT_NE(told.find(nameless + ": a migration is named 0001_what_it_does.sql"), std::string::npos) << told;
  std::filesystem::remove(nameless);
  std::ofstream(twice) << "select 1";
  told = refused();
  EXPECT_TRUE(told.find(file) != std::string::npos && told.find(twice) != std::string::npos &&
              told.find("both have number 1") != std::string::npos)
      << told;
}

TEST_F(postgres_schema, a_release_runs_on_the_tables_of_the_one_after_it) {
  insert("p1");
  // What a later release might have done: more columns, another step.
  for (const auto* table : {"mamey_outbox", "mamey_outbox_archive", "mamey_inbox", "mamey_delayed", "mamey_errors", "parts"})
    admin(std::string("alter table ") + table + " add column later text");
  admin("insert into mamey_schema values ('mamey', 99, 'later', 1, now())");
  environment_.sent = sent_rows::archive;
  open();
  db().commit({.inbox = inbox_key{"count", "m1"}, .outbox = {message("m1")}, .errors = {{.id = "e1"}}, .delayed = {{.id = "d1"}}});
  const auto claimed = db().claim_outbox({});
  EXPECT_EQ(claimed.rows.size(), 1U);
  db().mark_sent(sequences(claimed));
  EXPECT_TRUE(db().load(parts(), "p1"));
}

TEST_F(postgres_schema, this_release_and_the_one_before_it_know_each_other_s_handled_messages) {
  db();
  // What the release of schema 1 says to the tables.
  const auto enters = [&](const std::string& id) {
    return admin("insert into mamey_inbox (subscription, message_id, handled_at_ms) values ('count', '" + id +
                 "', 1) on conflict do nothing returning 1") == "1";
  };
  EXPECT_TRUE(enters("m1"));
  for (const auto* tenant : {"", "t1"}) {
    EXPECT_TRUE(db().was_handled({"count", "m1", tenant})) << "it wrote no tenant: every one is meant";
    EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m1", tenant}}), commit_outcome::already_handled);
    EXPECT_FALSE(db().begin(inbox_key{"count", "m1", tenant}, 10s));
  }
  EXPECT_FALSE(enters("m1"));
  EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m2"}}), commit_outcome::committed);
  EXPECT_FALSE(enters("m2"));
  EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m3", "t1"}}), commit_outcome::committed);
  try {
    server_.execute("set search_path = " + schema_ +
                    "; insert into mamey_inbox (subscription, message_id, handled_at_ms) values ('count', 'm3', 1)");
    FAIL() << "handled twice";
  } catch (const std::exception& refused) {
    EXPECT_NE(std::string_view(refused.what()).find("by a later release"), std::string_view::npos) << refused.what();
  }
  EXPECT_EQ(admin("select count(*) from mamey_inbox where message_id = 'm3'"), "1");
}

TEST_F(postgres_schema, the_release_before_this_one_counts_and_replaces_delayed_rows_beside_it) {
  db();
  const auto claim = [&] { return db().claim_due({.token = "t", .lease = 0ms, .except = {}}).at(0); };
  const auto put = [&](const std::string& attempts) {
    admin(
        "insert into mamey_delayed (id, subscription, attempts, due_at_ms, delay_ms, first_failed_at_us, message_id, version, min_version, "
        "occurred_at_us, "
        "position) values ('d1', 'count', " +
        attempts +
        ", 0, 0, 0, 'm1', 1, 1, 0, 0) on conflict (id) do update set token = null, claimed_until_ms = null, attempts = excluded.attempts");
  };
  put("2");
  EXPECT_EQ(claim().rounds, 2);
  EXPECT_EQ(claim().starts, 2);
  EXPECT_EQ(admin("select attempts from mamey_delayed"), "4") << "rounds and starts, as it counts them";
  admin("update mamey_delayed set attempts = attempts + 1, token = 'b', claimed_until_ms = 0");
  EXPECT_EQ(claim().starts, 3);
  admin(
      "insert into mamey_starts (subscription, message_id, starts, started_at_ms) values ('count', 'm1', 1, 1) on conflict (subscription, "
      "message_id) do "
      "update set starts = mamey_starts.starts + 1");
}

TEST_F(postgres_schema, a_statement_prepared_before_the_table_changed_is_prepared_again) {
  insert("p1");
  EXPECT_TRUE(db().load(parts(), "p1"));
  admin("alter table parts alter column amount type numeric");
  EXPECT_TRUE(db().load(parts(), "p1"));
  insert("p2");
}

TEST_F(postgres_schema, names_that_postgres_would_cut_are_refused) {
  auto named = parts();
  named.name = std::string(60, 'a');
  const collection* const all[] = {&named};
  EXPECT_EQ(refusal([&] { db().prepare(all); }), (std::pair{error_kind::internal, std::string("name_unusable")}));
}

}  // namespace mamey::testing
