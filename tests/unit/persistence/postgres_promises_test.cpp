// What happens to rows and sessions when processes, networks and statements misbehave.
#include <atomic>
#include <functional>
#include <span>

#include <mamey/persistence/postgres/detail/envelope_columns.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "../../support/tcp_gate.hpp"
#include "postgres_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class postgres_promises : public postgres_fixture {
 protected:
  std::unique_ptr<store_transaction> other_process(const std::string& sql) {
    auto holder = db().begin({}, 30s);
    holder->query({.text = sql}, [](const sql_row&) {});
    return holder;
  }
};

TEST_F(postgres_promises, a_fiber_is_told_of_its_deadline_also_when_the_server_does_not_even_take_the_request_to_stop) {
  tcp_gate gate(server_.port());
  options_.connection_string = "Host=127.0.0.1;Port=" + std::to_string(gate.port()) + ";Database=postgres;Username=mamey;SSL Mode=Disable";
  open();
  std::atomic<bool> told{false};
  const std::jthread works([&] {
    runtime loops({.threads = 1});
    loops.run([&] {
      insert("p1");
      db().load(parts(), "p1");
      gate.swallow(true);
      gate.hold_answers(true);
      const deadline_scope bound(200ms);
      EXPECT_EQ(refusal_kind([&] { db().load(parts(), "p1"); }), error_kind::deadline_exceeded);
      told = true;
    });
  });
  wait_for([&] { return told.load(); });
  gate.swallow(false);
  gate.hold_answers(false);
}

TEST_F(postgres_promises, a_statement_cannot_end_a_shared_transaction_from_behind_a_comment) {
  insert("p1");
  for (const auto* sql : {"-- now\ncommit", "/* a /* b */ */ begin", ";rollback", " \n /**/ ; -- x\n Savepoint a"}) {
    EXPECT_EQ(refusal_kind([&] { db().commit({.statements = {{.text = sql}}}); }), error_kind::internal) << sql;
  }
  EXPECT_NO_THROW(db().commit({.statements = {{.text = "/* commit */ update parts set amount = 3 where id = 'p1'"}}}));
  EXPECT_EQ(amount_of("p1"), 3);
}

TEST_F(postgres_promises, only_what_hurries_or_repeats_the_work_of_others_does_not_wait_for_the_disk) {
  db();
  // Each change tells under which durability it was made, which is the one its commit will have.
  admin(R"(create table durability (setting text);
    create function note_durability() returns trigger language plpgsql as $$ begin
      insert into durability values (current_setting('synchronous_commit')); return null; end $$)");
  for (const auto* table :
       {"parts", "mamey_outbox", "mamey_slots", "mamey_inbox", "mamey_handling_starts", "mamey_delayed", "mamey_errors"})
    admin(std::string("create trigger noted after insert or update or delete on ") + table +
          " for each row execute function note_durability()");
  const auto made_under = [&](const std::function<void()>& work) {
    admin("truncate durability");
    work();
    return admin("select coalesce(string_agg(distinct setting, ' '), 'nothing') from durability");
  };
  const inbox_key key{"count", "m1"};
  const change_set whole{.inbox = key,
                         .documents = {insert_part("p1", {.sku = "a-1"})},
                         .outbox = {message("m1"), message("m2"), message("m3")},
                         .errors = {{.id = "e1"}},
                         .delayed = {{.id = "d1"}}};
  EXPECT_EQ(made_under([&] { db().commit(whole); }), "on");
  EXPECT_EQ(made_under([&] { db().commit({.statements = {{.text = "update parts set amount = 1", .expected_rows = 1}}}); }), "on");
  EXPECT_EQ(made_under([&] { db().begin(inbox_key{"count", "m2"}, 10s)->commit({.outbox = {message("m4")}}); }), "on");
  claim taken;
  EXPECT_EQ(made_under([&] { taken = db().claim_outbox({}); }), "on");
  const auto all = sequences(taken);
  ASSERT_EQ(all.size(), 4U);
  const std::span rows(all);
  EXPECT_EQ(made_under([&] { db().renew_outbox(taken.token, rows, 30s); }), "off");
  EXPECT_EQ(made_under([&] { db().mark_sent(rows.subspan(0, 1)); }), "off");
  EXPECT_EQ(made_under([&] { db().mark_unroutable(rows.subspan(1, 1)); }), "off");
  EXPECT_EQ(made_under([&] { db().release_outbox(taken.token, rows.subspan(2, 1)); }), "off");
  EXPECT_EQ(made_under([&] { db().fail_outbox(taken.token, std::vector<outbox_failure>{{.sequence = all[3], .park = true}}); }), "on");
  EXPECT_EQ(made_under([&] { db().resend_outbox(rows.subspan(3, 1)); }), "on");
  EXPECT_EQ(made_under([&] { db().lease_slots("me", 1, 30s); }), "off");
  EXPECT_EQ(made_under([&] { db().count_start(key, 0); }), "on");
  EXPECT_EQ(made_under([&] { db().take_back_start(key); }), "off");
  EXPECT_EQ(made_under([&] { db().claim_due({.token = "t", .except = {}}); }), "on");
  EXPECT_EQ(made_under([&] { db().release_due("t"); }), "off");
  EXPECT_EQ(made_under([&] { db().commit({.finished_delayed = {"d1"}, .finished_errors = {"e1"}}); }), "on");
  EXPECT_EQ(made_under([&] { db().clean({.inbox = -1s}); }), "off");
}

TEST_F(postgres_promises, a_row_that_commits_after_later_ones_were_sent_is_sent_too) {
  db().commit(messages({message("before")}));
  const auto late = db().begin({}, 30s);
  const std::string columns(postgres_detail::envelope_columns);
  late->execute(
      {.text = "insert into mamey_outbox (created_at_ms, " + columns + ") select created_at_ms, " + columns + " from mamey_outbox"});
  late->execute({.text = "update mamey_outbox set message_id = 'late' where seq = (select max(seq) from mamey_outbox)"});
  db().commit(messages({message("after")}));
  const auto first = db().claim_outbox({});
  EXPECT_EQ(ids(first), (strings{"before", "after"}));
  db().mark_sent(sequences(first));
  late->commit({});
  EXPECT_EQ(ids(db().claim_outbox({})), strings{"late"});
}

TEST_F(postgres_promises, a_refused_message_waits_for_every_instance) {
  db().commit(messages({message("m1")}));
  const auto taken = db().claim_outbox({});
  db().fail_outbox(taken.token, std::vector{outbox_failure{.sequence = taken.rows.at(0).sequence, .reason = "no", .retry_after = 1h}});
  const auto another = make();
  EXPECT_TRUE(another->claim_outbox({}).rows.empty());
  EXPECT_TRUE(db().claim_outbox({}).rows.empty());
  admin("update mamey_outbox set due_at_ms = due_at_ms - 3600000");
  EXPECT_EQ(another->claim_outbox({}).rows.at(0).attempts, 1) << "and its refusals are counted for all";
}

TEST_F(postgres_promises, instances_that_clean_at_the_same_time_neither_wait_nor_deadlock_and_pass_over_what_is_locked) {
  db();
  admin("insert into mamey_inbox (subscription, message_id, handled_at_ms) select 's', n::text, 0 from generate_series(1, 5000) n");
  const auto holder = other_process("select 1 from mamey_inbox where message_id = '1' for update");
  {
    std::vector<std::jthread> instances;
    for (int i = 0; i < 4; ++i) {
      instances.emplace_back([&] {
        const auto one = make();
        while (one->clean({.inbox = 1h, .batch = 200})) {}
      });
    }
  }
  EXPECT_EQ(admin("select count(*) from mamey_inbox"), "1");
  holder->rollback();
  db().clean({.inbox = 1h});
  EXPECT_EQ(admin("select count(*) from mamey_inbox"), "0");
}

TEST_F(postgres_promises, no_transaction_is_open_on_the_server_while_nobody_waits_for_it) {
  environment_.application = schema_;
  insert("p1");
  db().load(parts(), "p1");
  db().commit({.statements = {{.text = "update parts set amount = 1 where id = 'p1'", .parameters = {}, .expected_rows = 1}}});
  db().claim_outbox({});
  const auto sessions = "select 1 from pg_stat_activity where application_name = '" + schema_ + "'";
  EXPECT_GE(server_.execute(sessions).size(), 4U);
  EXPECT_TRUE(server_.execute(sessions + " and xact_start is not null").empty());
}

}  // namespace mamey::testing
