// Delayed rows: who gets them, what their starts cost, and what becomes of those nobody here can handle.
#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

class delayed_rows : public ::testing::Test {
 protected:
  /// A handler of this application that gets delayed rows only.
  void handle(const std::string& name, test_application::work_type work = {}) {
    mine.subscribe("", name, {mine.handler(name, std::move(work))}).queue.clear();
  }
  static delayed_message row(const std::string& handler, const std::string& id, std::chrono::milliseconds delay = {}) {
    delayed_message made{.id = "row-" + handler + id, .subscription = handler, .delay = delay};
    made.message.id = id;
    return made;
  }
  void put(delayed_message what) { mine.store.commit({.delayed = {std::move(what)}}); }

  simulated_runtime time;
  in_process_transport bus{time.loop()};
  test_application mine{"orders", bus, time.loop()};
};

TEST_F(delayed_rows, a_command_sent_for_later_runs_when_it_is_due) {
  handle("remind");
  time.run([&] {
    mine.start();
    put(row("remind", "c1", 60s));
    sleep_for(59s);
    EXPECT_EQ(mine.effects["remind/c1"], 0);
    eventually([&] { return mine.effects["remind/c1"] == 1; }, "the command");
    EXPECT_EQ(mine.store.delayed_count(), 0U) << "the row went with the handler's commit";
    mine.stop();
  });
}

TEST_F(delayed_rows, one_of_another_instance_runs_when_it_is_due_and_one_due_at_once_within_15_s) {
  handle("remind");
  time.run([&] {
    mine.start();
    sleep_for(60s);
    mine.store.on_commit({});  // as in a process that has not written them
    put(row("remind", "now"));
    put(row("remind", "later", 40s));
    eventually([&] { return mine.effects["remind/now"] == 1; }, "the first", 15s);
    const auto due = steady_now() + 40s;
    eventually([&] { return mine.effects["remind/later"] == 1; }, "the second", 41s);
    EXPECT_LE(steady_now(), due + 20ms) << "its time was known";
    mine.stop();
  });
}

TEST_F(delayed_rows, nobody_claims_while_none_is_due_and_few_ask) {
  handle("remind");
  std::map<std::string, int, std::less<>> asked;
  mine.store.before = [&](std::string_view operation) { ++asked[std::string(operation)]; };
  time.run([&] {
    mine.start();
    put(row("remind", "tomorrow", 24h));
    sleep_for(10s);
    asked.clear();
    sleep_for(600s);
    EXPECT_EQ(asked["claim_due"], 0);
    EXPECT_LE(asked["next_due"], 41);
    EXPECT_GE(asked["next_due"], 39);
    mine.stop();
  });
}

TEST_F(delayed_rows, rounds_that_failed_are_no_starts_without_an_outcome) {
  mine.parts().messaging.start_limit = 2;
  mine.parts().messaging.delayed_retries = {1s, 1s, 1s, 1s, 1s};
  handle("remind");
  time.run([&] {
    auto killer = row("remind", "killer"), survivor = row("remind", "survivor");
    for (auto* each : {&killer, &survivor}) each->rounds = 4;
    survivor.starts = 1;  // of a process that died
    killer.starts = 2;
    put(killer);
    put(survivor);
    mine.start();
    eventually([&] { return mine.store.count_errors() == 1 && mine.effects["remind/survivor"] == 1; }, "the end of both");
    EXPECT_EQ(mine.starts["remind/killer"], 0);
    EXPECT_EQ(mine.store.errors().front().error_code, "start_limit_exceeded");
    mine.stop();
  });
}

TEST_F(delayed_rows, those_whose_claim_was_not_answered_wait_for_no_lease) {
  mine.parts().messaging.handler_timeout = 1h;
  mine.parts().messaging.inbox_retention = std::chrono::hours(24 * 30);
  mine.parts().messaging.start_limit = 1;
  handle("remind");
  time.run([&] {
    bool once = true;
    mine.store.after = [&](std::string_view operation) {
      if (operation == "claim_due" && mine.store.delayed_count() > 0 && std::exchange(once, false))
        throw unavailable("connection_lost", "no answer came");
    };
    mine.start();
    put(row("remind", "m1"));
    eventually([&] { return mine.effects["remind/m1"] == 1; }, "the effect", 10s);
    EXPECT_FALSE(once);
    EXPECT_EQ(mine.store.count_errors(), 0) << "a claim that was not answered is no start";
    mine.stop();
  });
}

TEST_F(delayed_rows, those_of_a_subscription_that_does_not_get_on_leave_room_for_others) {
  mine.parts().messaging.concurrency = 2;
  mine.parts().messaging.handler_timeout = 10min;
  mine.parts().messaging.inbox_retention = std::chrono::hours(24 * 30);
  bool may_end = false;
  handle("stuck", [&](const auto&, auto&) { eventually([&] { return may_end; }, "the permission"); });
  handle("flows");
  time.run([&] {
    for (int i = 0; i < 50; ++i) put(row("stuck", std::to_string(i)));
    mine.start();
    eventually([&] { return mine.statistics(0).running == 2; }, "two that do not end");
    for (int i = 0; i < 20; ++i) put(row("flows", std::to_string(i)));
    const auto flowed = [&] {
      int count = 0;
      for (int i = 0; i < 20; ++i) count += mine.effects["flows/" + std::to_string(i)];
      return count;
    };
    eventually([&] { return flowed() == 20; }, "the others, at once", 3s);
    EXPECT_LE(mine.statistics(0).waiting, 4U);
    may_end = true;
    eventually([&] { return mine.effects.size() == 70; }, "all of them");
    EXPECT_EQ(mine.store.count_errors(), 0);
    mine.stop();
  });
}

TEST_F(delayed_rows, one_whose_handler_only_a_newer_instance_has_waits_for_it) {
  mine.parts().messaging.rollout_window = 60s;
  mine.parts().messaging.rollout_delay = 5s;
  mine.parts().messaging.start_limit = 1;
  time.run([&] {
    auto old = row("remind", "m1");
    old.first_failed_at = wall_now() - 1h;  // however long it has been failing
    put(old);
    mine.start();
    sleep_for(50s);
    EXPECT_EQ(mine.store.count_errors(), 0);
    mine.stop();
    handle("remind");
    mine.start();
    eventually([&] { return mine.effects["remind/m1"] == 1; }, "the effect", 6s);
    EXPECT_EQ(mine.store.count_errors(), 0);
    mine.stop();
  });
}

TEST_F(delayed_rows, one_whose_handler_is_gone_goes_to_the_error_store_after_the_window_of_a_rollout) {
  mine.parts().messaging.rollout_window = 60s;
  time.run([&] {
    mine.start();
    put(row("renamed_away", "m1"));
    sleep_for(59s);
    EXPECT_EQ(mine.store.count_errors(), 0);
    eventually([&] { return mine.store.count_errors() == 1; }, "the record", 10s);
    const auto record = mine.store.errors().front();
    EXPECT_EQ(record.error_code, "no_handler");
    EXPECT_EQ(record.key.subscription, "renamed_away");
    EXPECT_EQ(mine.store.delayed_count(), 0U);
    mine.stop();
  });
}

TEST_F(delayed_rows, the_wait_for_a_newer_reader_begins_when_it_is_first_met) {
  mine.parts().messaging.rollout_window = 60s;
  handle("remind");
  time.run([&] {
    auto newer = row("remind", "m1");
    newer.message.min_version = newer.message.version = 2;
    newer.first_failed_at = wall_now() - 1h;  // at an instance that could read it
    put(newer);
    mine.start();
    sleep_for(59s);
    EXPECT_EQ(mine.store.count_errors(), 0);
    eventually([&] { return mine.store.count_errors() == 1; }, "the record", 10s);
    EXPECT_EQ(mine.store.errors().front().error_code, "too_new");
    EXPECT_EQ(mine.starts["remind/m1"], 0);
    mine.stop();
  });
}

TEST_F(delayed_rows, a_store_that_throws_anything_at_all_stops_no_row_for_good) {
  mine.parts().messaging.rollout_window = 0s;
  mine.parts().messaging.handler_timeout = 1s;
  handle("remind");
  time.run([&] {
    int throws = 0;
    mine.store.before = [&](std::string_view operation) {
      if (operation != "was_handled" && throws > 0) throw throws--;
    };
    for (int times = 1; times < 6; ++times) {
      put(row("remind", "m" + std::to_string(times)));
      put(row("gone", "m" + std::to_string(times)));
      mine.start();
      throws = times;
      eventually([&] { return mine.effects["remind/m" + std::to_string(times)] == 1 && mine.store.count_errors() == times; },
                 "the ends of both");
      mine.stop();
    }
  });
}

}  // namespace
}  // namespace mamey::testing
