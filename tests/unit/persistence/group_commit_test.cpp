#include <sqlite3.h>

#include <atomic>
#include <thread>

#include <mamey/runtime/context.hpp>

#include "../../support/unreliable_disk.hpp"
#include "sqlite_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

class sqlite_group_commit : public sqlite_fixture {
 protected:
  std::function<void()> inserting(std::string id, std::string sku) {
    return [this, id, sku] { db().commit({.documents = {insert_part(id, {.sku = sku})}}); };
  }
  strings all_ids() { return ids(db().find(parts(), {.where = {}})); }
};

TEST_F(sqlite_group_commit, units_that_wait_together_share_one_transaction_and_one_sync) {
  db();
  const auto before = db().statistics();
  for (const auto& failure : run_together({inserting("p1", "a-1"), inserting("p2", "a-2"), inserting("p3", "a-3")})) EXPECT_FALSE(failure);
  const auto after = db().statistics();
  EXPECT_EQ(after.groups - before.groups, 1U);
  EXPECT_EQ(after.members - before.members, 3U);
  EXPECT_EQ(after.syncs - before.syncs, 1U);
  EXPECT_EQ(all_ids(), (strings{"p1", "p2", "p3"}));
}

TEST_F(sqlite_group_commit, one_sync_of_the_disk_serves_the_whole_group) {
  unreliable_disk disk("group_sync");
  options_.vfs = "group_sync";
  db();
  std::uint64_t before = 0;
  std::vector<std::function<void()>> works;
  for (int i = 0; i < 20; ++i) works.push_back(inserting("p" + std::to_string(i), "a-" + std::to_string(i)));
  db().commit({.documents = {insert_part("first", {.sku = "f"})}});  // starts the log
  before = disk.syncs();
  for (const auto& failure : run_together(works)) EXPECT_FALSE(failure);
  EXPECT_EQ(disk.syncs() - before, 1U);
  close();
}

TEST_F(sqlite_group_commit, members_are_applied_strictly_one_after_another) {
  const auto add_one = [&](std::int64_t version) {
    return
        [this, version] { db().commit({.documents = {update_part("p1", {.sku = "a-1", .amount = static_cast<int>(version)}, version)}}); };
  };
  db().commit({.documents = {insert_part("p1", {.sku = "a-1"})}});
  for (const auto& failure : run_together({add_one(1), add_one(2), add_one(3)}))
    EXPECT_FALSE(failure) << "each saw what the one before it did";
  EXPECT_EQ(db().load(parts(), "p1")->version, 4);
}

TEST_F(sqlite_group_commit, a_member_that_fails_rolls_back_to_its_own_savepoint_and_the_rest_go_on) {
  const auto half_done = [&] {
    db().commit({.documents = {insert_part("p8", {.sku = "a-8"}), insert_part("p9", {.sku = "a-1"})}, .outbox = {message("m1")}});
  };
  const auto failures = run_together({inserting("p1", "a-1"), half_done, inserting("p2", "a-2")});
  EXPECT_FALSE(failures[0]);
  EXPECT_EQ(refusal_of(failures[1]).first, error_kind::concurrency_conflict);
  EXPECT_FALSE(failures[2]);
  EXPECT_EQ(all_ids(), (strings{"p1", "p2"}));
  EXPECT_TRUE(db().claim_outbox({}).rows.empty());
  EXPECT_EQ(db().statistics().failed, 1U);
}

TEST_F(sqlite_group_commit, a_deferred_foreign_key_fails_its_member_and_not_the_group) {
  environment_.migrations = {
      {1, "tree", "create table tree (id text primary key, parent text references tree (id) deferrable initially deferred)"}};
  const auto planting = [&](std::string id, std::string parent) {
    return [this, id, parent] { db().commit({.statements = {{.text = "insert into tree values (?, ?)", .parameters = {id, parent}}}}); };
  };
  const auto failures = run_together({planting("root", "root"), planting("orphan", "nobody"), planting("leaf", "root")});
  EXPECT_FALSE(failures[0]);
  EXPECT_EQ(refusal_of(failures[1]).first, error_kind::conflict);
  EXPECT_FALSE(failures[2]);
}

TEST_F(sqlite_group_commit, when_the_disk_runs_full_under_a_member_the_others_are_applied_again) {
  db();
  auto gate = db().begin({}, 10s);
  std::int64_t pages = 0;
  gate->query({.text = "pragma page_count"}, [&](const sql_row& row) { pages = std::get<std::int64_t>(row.values[0]); });
  gate->query({.text = "pragma max_page_count = " + std::to_string(pages + 4)}, [](const sql_row&) {});
  gate->rollback();

  const auto too_large = [&] {
    db().commit({.outbox = {[] {
                   auto made = message("m1");
                   made.body.assign(100'000, 'x');
                   return made;
                 }()}});
  };
  const auto failures = run_together({inserting("p1", "a-1"), too_large, inserting("p2", "a-2")});
  EXPECT_FALSE(failures[0]);
  EXPECT_EQ(refusal_of(failures[1]), (std::pair{error_kind::unavailable, std::string("disk_full")}));
  EXPECT_FALSE(failures[2]);
  EXPECT_EQ(all_ids(), (strings{"p1", "p2"}));
  EXPECT_EQ(db().statistics().replays, 1U) << "SQLite rolled back the whole transaction, not just the statement";
}

TEST_F(sqlite_group_commit, when_commit_fails_all_fail_also_those_already_handled) {
  unreliable_disk disk("failing_commit");
  options_.vfs = "failing_commit";
  db();
  disk.fail_writes(SQLITE_FULL);
  const auto handle = [&] { db().commit({.inbox = inbox_key{"count", "m1"}, .documents = {view_write(write_kind::upsert, "v1", 1)}}); };
  for (const auto& failure : run_together({handle, handle, inserting("p1", "a-1")})) {
    EXPECT_EQ(refusal_of(failure), (std::pair{error_kind::unavailable, std::string("disk_full")}))
        << "the second would otherwise acknowledge a message whose effects are lost";
  }
  disk.fail_writes(0);
  EXPECT_FALSE(db().was_handled({"count", "m1"}));
  EXPECT_EQ(db().commit({.inbox = inbox_key{"count", "m1"}}), commit_outcome::committed);
  close();
}

TEST_F(sqlite_group_commit, a_disk_that_fails_within_commit_leaves_the_outcome_unknown) {
  unreliable_disk disk("failing_sync");
  options_.vfs = "failing_sync";
  db();
  disk.fail_syncs(SQLITE_IOERR_FSYNC);
  EXPECT_EQ(refusal_kind([&] { inserting("p1", "a-1")(); }), error_kind::commit_unknown);
  EXPECT_THROW(db().check(), error);
  disk.fail_syncs(0);
  db().check();
  inserting("p2", "a-2")();
  EXPECT_TRUE(db().load(parts(), "p2"));
  close();
}

// -- deadlines --------------------------------------------------------------------------------------------------------

TEST_F(sqlite_group_commit, a_deadline_takes_a_waiting_unit_back_and_leaves_no_trace) {
  db();
  auto gate = db().begin({}, 10s);
  {
    const deadline_scope soon(5ms);
    EXPECT_EQ(refusal_kind([&] { inserting("p1", "a-1")(); }), error_kind::deadline_exceeded);
  }
  gate->rollback();
  inserting("p2", "a-2")();
  EXPECT_EQ(all_ids(), strings{"p2"});
}

TEST_F(sqlite_group_commit, a_deadline_that_passes_within_commit_is_ignored_until_the_answer) {
  unreliable_disk disk("slow_sync");
  options_.vfs = "slow_sync";
  db();
  disk.hold_syncs();
  const auto deadline = std::chrono::steady_clock::now() + 200ms;
  std::atomic<bool> answered = false;
  bool was_held = false;
  std::jthread releaser([&] {
    while (!answered && !disk.is_held()) std::this_thread::yield();
    was_held = disk.is_held();
    while (!answered && std::chrono::steady_clock::now() < deadline + 5ms) std::this_thread::yield();
    disk.release_syncs();
  });
  std::exception_ptr failure;
  try {
    const deadline_scope until(deadline - std::chrono::steady_clock::now());
    inserting("p1", "a-1")();
  } catch (...) {
    failure = std::current_exception();
  }
  answered = true;
  releaser.join();
  if (was_held) {
    EXPECT_FALSE(failure) << "committed, and says so";
    EXPECT_TRUE(db().load(parts(), "p1"));
  } else {  // a machine so busy that the writer did not get there in time
    EXPECT_EQ(refusal_of(failure).first, error_kind::deadline_exceeded);
    EXPECT_FALSE(db().load(parts(), "p1"));
  }
  close();
}

TEST_F(sqlite_group_commit, a_cancellation_within_commit_is_ignored_until_the_answer) {
  unreliable_disk disk("cancelled_sync");
  options_.vfs = "cancelled_sync";
  db();
  disk.hold_syncs();
  auto context = current_context();
  context.cancel = std::make_shared<cancellation>();
  std::jthread canceller([&] {
    disk.wait_until_held();
    context.cancel->request();
    disk.release_syncs();
  });
  {
    const context_scope scope(context);
    EXPECT_NO_THROW(inserting("p1", "a-1")());
  }
  EXPECT_TRUE(db().load(parts(), "p1"));
  close();
}

TEST_F(sqlite_group_commit, a_disk_that_does_not_answer_at_all_is_not_waited_for_for_ever) {
  unreliable_disk disk("hanging_sync");
  options_.vfs = "hanging_sync";
  options_.busy_timeout = 1ms;
  options_.answer_bound = 500ms;  // long enough for the second one, on any machine
  db();
  disk.hold_syncs();
  EXPECT_EQ(refusal_kind([&] { inserting("p1", "a-1")(); }), error_kind::commit_unknown);
  disk.release_syncs();
  inserting("p2", "a-2")();
  EXPECT_EQ(all_ids(), (strings{"p1", "p2"})) << "unknown: here it was committed";
  close();
}

TEST_F(sqlite_group_commit, one_members_deadline_never_disturbs_the_others) {
  db();
  auto gate = db().begin({}, 10s);
  std::jthread patient([&] { inserting("p1", "a-1")(); });
  wait_for([&] { return db().statistics().queued == 1; });
  {
    const deadline_scope soon(5ms);
    EXPECT_THROW(inserting("p2", "a-2")(), deadline_exceeded);
  }
  gate->rollback();
  patient.join();
  EXPECT_EQ(all_ids(), strings{"p1"});
}

TEST_F(sqlite_group_commit, the_queue_is_bounded) {
  options_.queue_limit = 2;
  db();
  auto gate = db().begin({}, 10s);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i) threads.emplace_back([&, i] { inserting("p" + std::to_string(i), "a-" + std::to_string(i))(); });
  wait_for([&] { return db().statistics().queued == 2; });
  EXPECT_EQ(refusal([&] { inserting("p3", "a-3")(); }), (std::pair{error_kind::unavailable, std::string("write_queue_full")}));
  gate->rollback();
}

TEST_F(sqlite_group_commit, a_group_is_bounded_by_members_and_bytes) {
  options_.group_members = 2;
  db();
  const auto before = db().statistics().groups;
  for (const auto& failure : run_together({inserting("p1", "a-1"), inserting("p2", "a-2"), inserting("p3", "a-3")})) EXPECT_FALSE(failure);
  EXPECT_EQ(db().statistics().groups - before, 2U);
}

// -- interactive units ------------------------------------------------------------------------------------------------

TEST_F(sqlite_group_commit, an_interactive_unit_never_shares_its_transaction) {
  db();
  auto unit = db().begin({}, 10s);
  unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  std::jthread other([&] { inserting("p2", "a-2")(); });
  wait_for([&] { return db().statistics().queued == 1; });
  EXPECT_EQ(unit->count(parts(), {}), 1) << "the other waits outside";
  unit->rollback();
  other.join();
  EXPECT_EQ(all_ids(), strings{"p2"});
}

TEST_F(sqlite_group_commit, a_statement_that_outlasts_the_bound_of_its_unit_is_stopped) {
  db();
  auto unit = db().begin({}, 30ms);
  const sql_statement endless{.text = "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n"};
  EXPECT_EQ(refusal_kind([&] { unit->query(endless, [](const sql_row&) {}); }), error_kind::deadline_exceeded);
  EXPECT_EQ(refusal_kind([&] { unit->commit({}); }), error_kind::deadline_exceeded);
  inserting("p1", "a-1")();
}

TEST_F(sqlite_group_commit, an_interactive_unit_waits_for_its_turn_under_the_deadline) {
  db();
  auto first = db().begin({}, 10s);
  {
    const deadline_scope soon(5ms);
    EXPECT_THROW(db().begin({}, 10s), deadline_exceeded);
  }
  first.reset();
  EXPECT_TRUE(db().begin({}, 10s));
}

TEST_F(sqlite_group_commit, a_statement_that_fails_leaves_the_interactive_unit_usable) {
  auto unit = db().begin({}, 10s);
  EXPECT_THROW(unit->execute({.text = "insert into nothing values (1)"}), error);
  unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  unit->commit({});
  EXPECT_EQ(all_ids(), strings{"p1"});
}

TEST_F(sqlite_group_commit, closing_the_store_rolls_an_open_unit_back) {
  auto unit = db().begin({}, 10s);
  unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
  close();
  EXPECT_THROW(unit->execute({.text = "delete from parts"}), error);
  unit.reset();
  EXPECT_TRUE(all_ids().empty());
}

}  // namespace mamey::testing
