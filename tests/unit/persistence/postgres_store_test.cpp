#include <atomic>
#include <set>

#include <mamey/core/decimal.hpp>
#include <mamey/core/time.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

// -- statements -------------------------------------------------------------------------------------------------------

TEST_F(postgres_fixture, values_of_every_kind_go_in_as_they_come_out) {
  db();
  admin("create table kinds (u uuid, d numeric, t timestamptz, j jsonb, b bytea, f boolean, r double precision, i bigint, s text)");
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{0xFF}, std::byte{'\''}};
  const std::vector<sql_value> in{std::string("0198c0de-0000-7000-8000-000000000001"),
                                  std::string("20.50"),
                                  std::string("2026-01-02T03:04:05.5000000Z"),
                                  std::string(R"({"a": 1})"),
                                  bytes,
                                  std::int64_t{1},
                                  0.1,
                                  std::int64_t{-9'000'000'000'000'000'000},
                                  std::string("ö\"'\\")};
  db().commit({.statements = {{.text = "insert into kinds values (?, ?, ?, ?, ?, ?, ?, ?, ?)", .parameters = in}}});
  db().commit({.statements = {{.text = "insert into kinds values (?, ?, ?, ?, ?, ?, ?, ?, ?)", .parameters = std::vector<sql_value>(9)}}});
  std::vector<std::vector<sql_value>> out;
  db().query({.text = "select * from kinds"}, [&](const sql_row& row) { out.push_back(row.values); });
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0], in);
  EXPECT_EQ(out[1], std::vector<sql_value>(9));
  EXPECT_EQ(value("select count(*) from kinds where u = ? and d = ? and t = ? and b = ? and i = ?", {in[0], in[1], in[2], in[4], in[7]}),
            sql_value(std::int64_t{1}));
}

TEST_F(postgres_fixture, a_text_that_postgres_would_cut_short_is_refused) {
  EXPECT_EQ(refusal([&] { value("select ?::text", {std::string("a\0b", 3)}); }),
            (std::pair{error_kind::conflict, std::string("value_refused")}));
}

TEST_F(postgres_fixture, reads_cannot_write_and_statements_cannot_end_a_shared_transaction) {
  insert("p1");
  EXPECT_EQ(refusal([&] { value("delete from parts returning 1"); }), (std::pair{error_kind::internal, std::string("query_writes")}));
  for (const auto* sql : {"commit", "  ROLLBACK", "Begin", "savepoint a"}) {
    EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = sql}}}); }), error_kind::internal) << sql;
  }
  EXPECT_TRUE(db().load(parts(), "p1"));
}

TEST_F(postgres_fixture, what_the_server_refuses_is_an_error_of_the_family) {
  db();
  const auto kind_of = [&](const std::string& state) {
    return refusal_kind(
        [&] { db().commit({.statements = {{.text = "do $$ begin raise exception 'no' using errcode = '" + state + "'; end $$"}}}); });
  };
  EXPECT_EQ(kind_of("23505"), error_kind::concurrency_conflict);
  EXPECT_EQ(kind_of("23503"), error_kind::conflict);
  EXPECT_EQ(kind_of("23514"), error_kind::conflict);
  EXPECT_EQ(kind_of("22003"), error_kind::conflict);
  EXPECT_EQ(kind_of("40001"), error_kind::concurrency_conflict);
  EXPECT_EQ(kind_of("40P01"), error_kind::concurrency_conflict);
  EXPECT_EQ(kind_of("57014"), error_kind::deadline_exceeded);
  EXPECT_EQ(kind_of("53100"), error_kind::unavailable);
  EXPECT_EQ(kind_of("53300"), error_kind::unavailable);
  EXPECT_EQ(kind_of("42601"), error_kind::internal);
  EXPECT_EQ(db().statistics().retried, 6U) << "serialization failures and deadlocks are tried again, nothing else";
}

TEST_F(postgres_fixture, a_session_is_read_committed_and_durable_whatever_its_default) {
  options_.connection_string += ";Options='-c default_transaction_isolation=serializable -c synchronous_commit=off -c TimeZone=Asia/Tokyo'";
  EXPECT_EQ(value("show transaction_isolation"), sql_value(std::string("read committed")));
  EXPECT_EQ(value("show synchronous_commit"), sql_value(std::string("on")));
  EXPECT_EQ(value("show timezone"), sql_value(std::string("UTC")));
  EXPECT_NE(value("show idle_in_transaction_session_timeout"), sql_value(std::string("0")));
  auto unit = db().begin({}, 3s);
  unit->query({.text = "select current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_isolation')"},
              [](const sql_row& row) {
                EXPECT_EQ(row.values.at(0), sql_value(std::string("3s")));
                EXPECT_EQ(row.values.at(1), sql_value(std::string("read committed")));
              });
}

// -- fibers -----------------------------------------------------------------------------------------------------------

TEST_F(postgres_fixture, reads_of_many_fibers_share_a_connection_and_one_that_fails_harms_no_other) {
  options_.read_connections = 1;
  db();
  runtime loops({.threads = 2});
  std::mutex guard;
  std::set<std::int64_t> sessions;
  std::atomic<int> refused = 0;
  loops.run([&] {
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 200; ++i) {
        scope.spawn_on(loops.loop(static_cast<std::size_t>(i % 2)), "reads", [&, i] {
          try {
            const auto found = value(i % 10 == 3 ? "select 1 / (?::bigint - ?::bigint)" : "select pg_backend_pid() + ?::bigint - ?::bigint",
                                     {std::int64_t{i}, std::int64_t{i}});
            const std::lock_guard lock(guard);
            sessions.insert(std::get<std::int64_t>(found));
          } catch (const conflict&) {
            ++refused;
          }
        });
      }
    });
  });
  EXPECT_EQ(sessions.size(), 1U);
  EXPECT_EQ(refused, 20);
  EXPECT_LE(db().statistics().open, 2) << "one for reads, and none for each fiber";
}

TEST_F(postgres_fixture, units_of_work_of_many_fibers_and_threads_commit) {
  insert("p1");
  runtime loops({.threads = 2});
  std::jthread outside([&] {
    for (int i = 0; i < 50; ++i) db().commit({.statements = {{.text = "update parts set amount = amount + 1 where id = 'p1'"}}});
  });
  loops.run([&] {
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 50; ++i) {
        scope.spawn_on(loops.loop(static_cast<std::size_t>(i % 2)), "writes",
                       [&] { db().commit({.statements = {{.text = "update parts set amount = amount + 1 where id = 'p1'"}}}); });
      }
    });
  });
  outside.join();
  EXPECT_EQ(amount_of("p1"), 100);
}

TEST_F(postgres_fixture, a_large_unit_and_a_large_answer_pass_in_pieces) {
  change_set changes;
  for (int i = 0; i < 3'000; ++i) {
    auto each = message("m" + std::to_string(i));
    each.body.assign(2'000, static_cast<char>(i));
    changes.outbox.push_back(std::move(each));
  }
  runtime loops({.threads = 1});
  loops.run([&] {
    db().commit(changes);
    EXPECT_EQ(db().claim_outbox({.most_rows = 5'000, .most_bytes = 100 << 20}).rows.size(), 3'000U);
    EXPECT_EQ(std::get<std::string>(value("select repeat('x', 9000000)")).size(), 9'000'000U);
  });
}

// -- deadlines --------------------------------------------------------------------------------------------------------

TEST_F(postgres_fixture, a_statement_that_outlasts_the_deadline_of_its_caller_is_stopped_on_the_server) {
  options_.read_connections = 1;
  db();
  runtime loops({.threads = 1});
  loops.run([&] {
    with_scope([&](task_scope& scope) {
      scope.spawn("slow", [&] {
        const deadline_scope bound(150ms);
        EXPECT_EQ(refusal_kind([&] { value("select pg_sleep(600)"); }), error_kind::deadline_exceeded);
      });
      scope.spawn("behind it", [&] { EXPECT_EQ(value("select 1"), sql_value(std::int64_t{1})); });
    });
  });
  wait_for([&] {
    return server_
        .execute("select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(600)' and pid <> pg_backend_pid()")
        .empty();
  });
  EXPECT_EQ(value("select 2"), sql_value(std::int64_t{2}));
}

TEST_F(postgres_fixture, no_statement_runs_longer_than_the_command_timeout) {
  options_.command_timeout = 1s;
  db();
  EXPECT_EQ(refusal_kind([&] { value("select pg_sleep(600)"); }), error_kind::deadline_exceeded);
}

// -- pools ------------------------------------------------------------------------------------------------------------

TEST_F(postgres_fixture, a_pool_is_bounded_in_connections_time_and_callers_that_wait) {
  options_.interactive_connections = 1;
  options_.acquire_timeout = 50ms;
  options_.waiting_limit = 1;
  auto held = db().begin({}, 30s);
  EXPECT_EQ(refusal([&] { db().begin({}, 1s); }), (std::pair{error_kind::unavailable, std::string("pool_exhausted")}));
  held.reset();  // before its store
  options_.acquire_timeout = 30s;
  open();
  auto again = db().begin({}, 30s);
  std::jthread waits([&] { EXPECT_TRUE(db().begin({}, 1s)); });
  wait_for([&] { return db().statistics().waiting == 1; });
  EXPECT_EQ(refusal([&] { db().begin({}, 1s); }), (std::pair{error_kind::unavailable, std::string("pool_full")}));
  again.reset();
}

TEST_F(postgres_fixture, the_relay_does_not_wait_behind_handlers) {
  options_.flush_connections = options_.pipelined_flushes = options_.interactive_connections = 1;
  insert("p1");
  db().commit(messages({message("m1")}));
  const auto holder = db().begin({}, 30s);
  holder->execute({.text = "update parts set amount = 1 where id = 'p1'"});
  std::jthread waits([&] { db().commit({.statements = {{.text = "update parts set amount = 2 where id = 'p1'"}}}); });
  wait_for([&] { return !server_.execute("select 1 from pg_stat_activity where wait_event_type = 'Lock'").empty(); });
  EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
  db().check();
  holder->rollback();
}

// -- interactive units ------------------------------------------------------------------------------------------------

TEST_F(postgres_fixture, a_message_that_is_being_handled_elsewhere_is_busy_and_nobody_waits) {
  auto first = db().begin(inbox_key{"count", "m1"}, 30s);
  ASSERT_TRUE(first);
  EXPECT_EQ(refusal([&] { db().begin(inbox_key{"count", "m1"}, 30s); }), (std::pair{error_kind::unavailable, std::string("message_busy")}));
  EXPECT_TRUE(db().begin(inbox_key{"audit", "m1"}, 30s));
  first->commit({.inbox = inbox_key{"count", "m1"}});
  first.reset();
  EXPECT_FALSE(db().begin(inbox_key{"count", "m1"}, 30s)) << "it is handled now";
}

TEST_F(postgres_fixture, a_process_that_sits_on_a_transaction_loses_it_on_the_server_too) {
  insert("p1");
  const auto frozen = db().begin({}, 1s);
  frozen->execute({.text = "update parts set amount = 1 where id = 'p1'"});
  db().commit({.statements = {{.text = "update parts set amount = 2 where id = 'p1'"}}});  // would wait for ever
  EXPECT_EQ(refusal_kind([&] { frozen->commit({}); }), error_kind::deadline_exceeded);
  EXPECT_EQ(amount_of("p1"), 2);
}

TEST_F(postgres_fixture, a_transaction_in_which_a_statement_failed_says_so) {
  const auto unit = db().begin({}, 30s);
  EXPECT_EQ(refusal_kind([&] { unit->execute({.text = "insert into parts (id) values ('p1')"}); }), error_kind::conflict);
  EXPECT_EQ(refusal([&] { unit->count(parts(), {}); }), (std::pair{error_kind::internal, std::string("transaction_failed")}));
  unit->rollback();
  EXPECT_EQ(refusal([&] { unit->count(parts(), {}); }), (std::pair{error_kind::internal, std::string("transaction_over")}));
}

TEST_F(postgres_fixture, a_unit_that_a_deadlock_undid_is_applied_again) {
  insert("p1");
  insert("p2");
  int rounds = 0, by_other = 0;
  // PostgreSQL looks for a deadlock once, a second into a wait: on a busy machine that may be before there is one. Then the other is undone.
  for (; db().statistics().retried == 0 && rounds < 10; ++rounds) {
    auto other = db().begin({}, 30s);
    other->execute({.text = "set local deadlock_timeout = '5s'"});
    other->execute({.text = "update parts set amount = amount + 1 where id = 'p1'"});
    const std::jthread unit([&] {
      db().commit({.statements = {{.text = "update parts set amount = amount + 10 where id = 'p2'"},
                                  {.text = "update parts set amount = amount + 10 where id = 'p1'"}}});
    });
    wait_for([&] { return !server_.execute("select 1 from pg_stat_activity where wait_event_type = 'Lock'").empty(); });
    try {
      other->execute({.text = "update parts set amount = amount + 1 where id = 'p2'"});
      other->commit({});
      ++by_other;
    } catch (const concurrency_conflict&) {
      other.reset();  // the unit goes on
    }
  }
  EXPECT_EQ(amount_of("p1"), 10 * rounds + by_other);
  EXPECT_EQ(amount_of("p2"), 10 * rounds + by_other);
  EXPECT_GE(db().statistics().retried, 1U);
}

}  // namespace mamey::testing
