#include <algorithm>
#include <set>

#include <mamey/persistence/postgres/detail/outbox.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

/// A second session that holds locks, as another process would.
class postgres_outbox : public postgres_fixture {
 protected:
  std::unique_ptr<store_transaction> other_process(const std::string& sql) {
    auto holder = db().begin({}, 30s);
    holder->query({.text = sql}, [](const sql_row&) {});
    return holder;
  }
};

TEST_F(postgres_outbox, a_claim_passes_over_rows_that_somebody_has_locked) {
  db().commit(messages({message("m1"), message("m2"), message("m3")}));
  const auto holder = other_process("select 1 from mamey_outbox where message_id = 'm1' for update");
  EXPECT_EQ(ids(db().claim_outbox({})), (strings{"m2", "m3"}));
  holder->rollback();
  EXPECT_EQ(ids(db().claim_outbox({})), strings{"m1"});
}

TEST_F(postgres_outbox, a_claim_is_in_the_order_of_commits_whatever_order_the_database_finds_its_rows_in) {
  // So that rows are joined as they lie in the table, where those that were claimed before lie last.
  options_.connection_string += ";Options=-c enable_nestloop=off -c enable_mergejoin=off -c enable_indexscan=off -c enable_bitmapscan=off";
  change_set changes;
  for (int i = 0; i < 60; ++i) changes.outbox.push_back(message("m" + std::to_string(i)));
  db().commit(changes);
  const auto first = db().claim_outbox({.most_rows = 20});
  EXPECT_EQ(db().release_outbox(first.token, sequences(first)), 20U);
  const auto all = db().claim_outbox({});
  ASSERT_EQ(all.rows.size(), 60U);
  EXPECT_TRUE(std::ranges::is_sorted(sequences(all)));
}

TEST_F(postgres_outbox, relays_that_claim_at_the_same_time_take_each_row_once) {
  options_.relay_connections = 4;
  change_set changes;
  for (int i = 0; i < 400; ++i) changes.outbox.push_back(message("m" + std::to_string(i)));
  db().commit(changes);
  std::mutex guard;
  std::vector<std::string> taken;
  {
    std::vector<std::jthread> relays;
    for (int i = 0; i < 4; ++i) {
      relays.emplace_back([&] {
        for (;;) {
          const auto claimed = ids(db().claim_outbox({.most_rows = 7}));
          const std::lock_guard lock(guard);
          taken.insert(taken.end(), claimed.begin(), claimed.end());
          if (taken.size() >= 400) return;
        }
      });
    }
  }
  EXPECT_EQ(taken.size(), 400U);
  EXPECT_EQ(std::set<std::string>(taken.begin(), taken.end()).size(), 400U);
}

TEST_F(postgres_outbox, a_lease_that_began_after_a_claim_read_the_clock_is_not_taken_for_one_of_the_future) {
  db().commit(messages({message("m1"), message("m2")}));
  const auto gate = other_process("select pg_advisory_xact_lock(7)");
  admin(
      "create or replace function mamey_now_ms() returns bigint language plpgsql volatile as $$ declare now bigint; begin "
      "now := floor(extract(epoch from clock_timestamp()) * 1000); perform pg_advisory_xact_lock_shared(7); return now; end $$");
  std::vector<std::string> claimed;
  {
    const std::jthread relay([&] { claimed = ids(db().claim_outbox({})); });
    wait_for([&] { return !server_.execute("select 1 from pg_locks where locktype = 'advisory' and not granted").empty(); });
    admin(
        "update mamey_outbox set token = 'another', lease_ms = 30000, claimed_until_ms = floor(extract(epoch from clock_timestamp()) * "
        "1000) "
        "+ 30000 where message_id = 'm1'");
    gate->rollback();
  }
  EXPECT_EQ(claimed, strings{"m2"});
}

TEST_F(postgres_outbox, marks_of_the_same_rows_in_another_order_do_not_deadlock) {
  options_.relay_connections = 4;
  change_set changes;
  for (int i = 0; i < 200; ++i) changes.outbox.push_back(message("m" + std::to_string(i)));
  db().commit(changes);
  auto rows = sequences(db().claim_outbox({.most_rows = 500}));
  {
    std::vector<std::jthread> relays;
    for (int i = 0; i < 4; ++i) {
      relays.emplace_back([&, mine = rows, i]() mutable {
        if (i % 2 == 1) std::ranges::reverse(mine);
        db().mark_unroutable(mine);
      });
    }
  }
  EXPECT_EQ(db().read_outbox_state().unroutable, 200);
  EXPECT_EQ(db().read_outbox_state().pending, 0);
  EXPECT_EQ(db().statistics().retried, 0U);
}

TEST_F(postgres_outbox, a_key_gets_its_numbers_in_the_order_of_its_commits) {
  db();
  admin("create table journal (n bigint generated always as identity, message_id text)");
  constexpr int writers = 4, each = 30;
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&, writer] {
        for (int i = 0; i < each; ++i) {
          const auto id = std::to_string(writer) + "." + std::to_string(i);
          // One row in common: its lock orders the commits, and the journal writes the order down.
          db().commit({.documents = {view_write(write_kind::upsert, "v1", i)},
                       .statements = {{.text = "insert into journal (message_id) values (?)", .parameters = {id}}},
                       .outbox = {message(id, "k"), message(id + "x", "other" + std::to_string(writer))}});
        }
      });
    }
  }
  EXPECT_EQ(admin("select count(*) from (select message_id, row_number() over (order by n) as a from journal) j join (select message_id, "
                  "row_number() over "
                  "(order by seq) as b from mamey_outbox where key = 'k') o using (message_id) where a = b"),
            std::to_string(writers * each));
}

TEST_F(postgres_outbox, a_key_that_another_unit_writes_is_waited_for_and_rows_without_key_are_not) {
  const auto holder = other_process("select pg_advisory_xact_lock(hashtext(current_schema()), (hashtextextended('k', 0) & 1023)::integer)");
  db().commit(messages({message("m1"), message("m2", "another key")}));
  std::jthread waits([&] { db().commit(messages({message("m3", "k")})); });
  wait_for([&] { return !server_.execute("select 1 from pg_stat_activity where wait_event = 'advisory'").empty(); });
  EXPECT_EQ(admin("select count(*) from mamey_outbox"), "2");
  holder->rollback();
  waits.join();
  EXPECT_EQ(admin("select count(*) from mamey_outbox"), "3");
}

TEST(postgres_outbox_locks, units_with_ten_thousand_keys_fit_into_the_lock_table_of_a_server_as_it_comes_and_do_not_deadlock) {
  postgres_server server({"-c", "max_connections=100"});
  postgres_store store({.connection_string = server.connection_string(), .schema = "keys"});
  store.prepare({});
  change_set forwards;
  for (int i = 0; i < 10'000; ++i) forwards.outbox.push_back(message("f" + std::to_string(i), "key" + std::to_string(i)));
  auto backwards = forwards;
  std::ranges::reverse(backwards.outbox);
  backwards.outbox.resize(2'000);
  for (auto& each : backwards.outbox) each.id += "b";
  {
    const std::jthread other([&] { EXPECT_EQ(store.commit(backwards), commit_outcome::committed); });
    EXPECT_EQ(store.commit(forwards), commit_outcome::committed);
  }
  EXPECT_EQ(store.read_outbox_state().pending, 12'000);
  EXPECT_EQ(store.statistics().retried, 0U);
}

TEST_F(postgres_outbox, the_databases_clock_counts_and_not_a_processs) {
  db().commit(messages({message("m1")}));
  const auto claimed = db().claim_outbox({.lease = 30s});
  EXPECT_EQ(admin("select abs(claimed_until_ms - 30000 - extract(epoch from clock_timestamp()) * 1000) < 20000 from mamey_outbox"), "t");
  // Another process, whose own clock nobody asks, finds the lease over when the database says so.
  admin(
      "create or replace function mamey_now_ms() returns bigint language sql volatile as $$ select (extract(epoch from clock_timestamp()) "
      "* 1000)::bigint + 31000 $$");
  EXPECT_EQ(make()->claim_outbox({}).rows.size(), 1U);
}

TEST_F(postgres_outbox, sent_rows_are_kept_where_they_shall_be) {
  environment_.sent = sent_rows::archive;
  db().commit(messages({message("m1", "k")}));
  db().mark_sent(sequences(db().claim_outbox({})));
  EXPECT_EQ(db().read_outbox_state().pending, 0);
  EXPECT_EQ(admin("select message_id || ':' || state from mamey_outbox_archive"), "m1:3");
  EXPECT_FALSE(db().clean({.sent = 1h}));
  EXPECT_EQ(admin("select count(*) from mamey_outbox_archive"), "1");
  admin("update mamey_outbox_archive set settled_at_ms = settled_at_ms - 7200000");
  db().clean({.sent = 1h});
  EXPECT_EQ(admin("select count(*) from mamey_outbox_archive"), "0");
}

TEST_F(postgres_outbox, claims_and_counts_find_what_is_pending_among_much_that_is_parked_or_was_sent) {
  environment_.sent = sent_rows::archive;
  db();
  admin("insert into mamey_outbox (state, created_at_ms, key) select 1, 0, 'k' || n % 100 from generate_series(1, 20000) n");
  admin(
      "insert into mamey_outbox_archive (seq, state, created_at_ms, settled_at_ms, attempts) select -n, 3, 0, 0, 0 from generate_series(1, "
      "20000) n");
  db().commit(messages({message("m1"), message("m2", "k1")}));
  server_.execute("analyze " + schema_ + ".mamey_outbox; analyze " + schema_ + ".mamey_outbox_archive");
  namespace pg = postgres_detail;
  const auto plan = [&](const pg::step& of, const std::string& parameters) {
    std::string text;
    for (const auto& line :
         server_.execute("set search_path = " + schema_ + "; prepare asked as " + of.text + "; explain execute asked" + parameters))
      text += line[0] + "\n";
    return text;
  };
  const std::vector<std::string> plans{plan(pg::claim_rows({}, "", pg::search::unordered), "('t', 1000, 100, 1000000)"),
                                       plan(pg::claim_rows({}, "", pg::search::first_rows), "('t', 1000, 100, 1000000, 'o', true)"),
                                       plan(pg::outbox_counts(), "")};
  for (const auto& each : plans) {
    EXPECT_NE(each.find("using mamey_outbox_pending"), std::string::npos) << each;
    EXPECT_EQ(each.find("Seq Scan on mamey_outbox_archive"), std::string::npos) << each;
  }
}

TEST_F(postgres_outbox, a_message_of_two_processes_at_once_has_its_effect_once) {
  std::atomic<int> committed = 0, handled = 0;
  db();
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 8; ++i) {
      processes.emplace_back([&] {
        const auto outcome = db().commit(
            {.inbox = inbox_key{"count", "m1"}, .documents = {view_write(write_kind::upsert, "v1", 1)}, .outbox = {message("m2")}});
        ++(outcome == commit_outcome::committed ? committed : handled);
      });
    }
  }
  EXPECT_EQ(committed, 1);
  EXPECT_EQ(handled, 7);
  EXPECT_EQ(db().load(part_views(), "v1")->version, 1);
  EXPECT_EQ(db().read_outbox_state().pending, 1);
}

}  // namespace mamey::testing
