#include <mamey/persistence/sqlite/queues.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "../../support/unreliable_disk.hpp"
#include "sqlite_fixture.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;

/// The store as handlers use it: from fibers, which suspend where a thread would block.
class sqlite_fibers : public sqlite_fixture {
 protected:
  ~sqlite_fibers() override { close(); }
  void insert(const std::string& id) { db().commit({.documents = {insert_part(id, {.sku = id})}}); }

  runtime loops_{{.threads = 2}};
};

TEST_F(sqlite_fibers, a_commit_suspends_its_fiber_and_the_loop_goes_on) {
  unreliable_disk disk("fiber_sync");
  options_.vfs = "fiber_sync";
  db();
  disk.hold_syncs();
  loops_.run([&] {
    with_scope([&](task_scope& scope) {
      scope.spawn("committing", [&] { insert("p1"); });
      scope.spawn("beside it", [&] {
        while (!disk.is_held()) yield();
        disk.release_syncs();
      });
    });
    EXPECT_TRUE(db().load(parts(), "p1"));
  });
  close();
}

TEST_F(sqlite_fibers, fibers_of_several_loops_share_groups) {
  db();
  const auto before = db().statistics();
  loops_.run([&] {
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 60; ++i) {
        scope.spawn_on(loops_.loop(static_cast<std::size_t>(i % 2)), "client", [&, i] {
          for (int n = 0; n < 5; ++n) insert(std::to_string(i) + "-" + std::to_string(n));
        });
      }
    });
    EXPECT_EQ(db().count(parts(), {}), 300);
  });
  const auto after = db().statistics();
  EXPECT_EQ(after.members - before.members, 300U);
  EXPECT_LT(after.syncs - before.syncs, 300U);
}

TEST_F(sqlite_fibers, a_deadline_or_cancellation_takes_a_waiting_unit_back) {
  db();
  loops_.run([&] {
    auto gate = db().begin({}, 10s);
    {
      const deadline_scope soon(5ms);
      EXPECT_EQ(refusal_kind([&] { insert("p1"); }), error_kind::deadline_exceeded);
    }
    with_scope([&](task_scope& scope) {
      scope.spawn("cancelled", [&] { EXPECT_EQ(refusal_kind([&] { insert("p2"); }), error_kind::cancelled); });
      while (db().statistics().queued == 0) yield();
      scope.cancel();
    });
    gate->rollback();
    insert("p3");
    EXPECT_EQ(ids(db().find(parts(), {.where = {}})), std::vector<std::string>{"p3"});
  });
}

TEST_F(sqlite_fibers, a_commit_that_is_under_way_is_not_cancelled) {
  unreliable_disk disk("fiber_cancel");
  options_.vfs = "fiber_cancel";
  db();
  disk.hold_syncs();
  loops_.run([&] {
    bool answered = false;
    try {
      with_scope([&](task_scope& scope) {
        scope.spawn("committing", [&] {
          insert("p1");
          answered = true;
        });
        while (!disk.is_held()) yield();
        scope.cancel();
        disk.release_syncs();
      });
    } catch (const cancelled&) {}
    EXPECT_TRUE(answered) << "the commit was joined, and told its outcome";
  });
  close();
}

TEST_F(sqlite_fibers, an_interactive_unit_left_by_an_exception_is_rolled_back_without_waiting) {
  db();
  loops_.run([&] {
    EXPECT_THROW(
        {
          auto unit = db().begin(inbox_key{"count", "m1"}, 10s);
          unit->execute({.text = "insert into parts (id, version, position, body, sku) values ('p1', 1, 0, '{}', 'a-1')"});
          throw domain_error("refused", "no");
        },
        domain_error);
    EXPECT_FALSE(db().was_handled({"count", "m1"}));
    insert("p2");
    EXPECT_EQ(db().count(parts(), {}), 1);
  });
}

TEST_F(sqlite_fibers, more_readers_than_connections_take_turns) {
  options_.read_connections = 2;
  insert("p1");
  loops_.run([&] {
    with_scope([&](task_scope& scope) {
      for (int i = 0; i < 30; ++i) scope.spawn("reader", [&] { EXPECT_TRUE(db().load(parts(), "p1")); });
    });
  });
}

TEST_F(sqlite_fibers, a_simulated_runtime_sees_the_store_answer_in_no_time) {
  environment_.wait = sqlite_environment::waiting::block;
  db();
  simulated_runtime simulated;
  simulated.run([&] {
    const auto before = steady_now();
    insert("p1");
    EXPECT_TRUE(db().load(parts(), "p1"));
    db().begin({}, 1s)->commit({.outbox = {message("m1")}});
    EXPECT_EQ(db().claim_outbox({}).rows.size(), 1U);
    EXPECT_EQ(steady_now(), before);
  });
}

}  // namespace mamey::testing
