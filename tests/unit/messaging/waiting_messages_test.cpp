// What was handed over and has not been begun: when its consumer ends, when the service stops, when its turn does not come.
#include "endpoint_fixture.hpp"
#include "scripted_transport.hpp"

namespace mamey::testing {
namespace {

class waiting_messages : public ::testing::Test {
 protected:
  waiting_messages() {
    mine.parts().messaging.concurrency = 1;
    mine.subscribe("orders", "created", {mine.handler("deliver", [this](const envelope& message, handling_context&) {
                     if (message.id == "slow") eventually([&] { return may_end; }, "the permission");
                   })});
  }
  /// A row of the delayed messages, due at once.
  void put_row(const std::string& id) {
    change_set changes;
    changes.delayed.push_back({.id = "row-" + id, .subscription = "deliver", .message = {}});
    changes.delayed.back().message.id = id;
    mine.store.commit(changes);
  }

  simulated_runtime time;
  scripted_transport wire;
  test_application mine{"deliveries", wire, time.loop()};
  bool may_end = false;
};

TEST_F(waiting_messages, deliveries_of_a_consumer_that_ended_do_not_pile_up_behind_those_that_come_again) {
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.deliver("slow");
    for (int ended = 1; ended <= 10; ++ended) {
      for (const auto* id : {"m1", "m2", "m3"}) wire.deliver(id, ended > 1);
      EXPECT_EQ(mine.statistics().waiting, 3U);
      wire.end_consumer();
      EXPECT_EQ(mine.statistics().waiting, 0U);
      eventually([&] { return wire.consumers == ended + 1; }, "the next consumer");
    }
    for (const auto* id : {"m1", "m2", "m3"}) wire.deliver(id, true);
    may_end = true;
    eventually([&] { return wire.acknowledged == 4; }, "the ends of all");
    for (const auto* id : {"slow", "m1", "m2", "m3"}) EXPECT_EQ(mine.starts["deliver/" + std::string(id)], 1) << id;
    mine.stop();
  });
}

TEST_F(waiting_messages, delayed_ones_go_back_at_a_stop_at_once_and_without_an_attempt) {
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.deliver("slow");
    put_row("m1");
    eventually([&] { return mine.statistics().waiting == 1; }, "the row in its queue");
    mine.stop(0s);
    const auto next = mine.store.claim_due({.token = "t", .except = {}});
    ASSERT_EQ(next.size(), 1U) << "the next instance need not wait for the lease of this one";
    EXPECT_EQ(next[0].starts, 1) << "only this claim";
  });
}

TEST_F(waiting_messages, delayed_ones_whose_turn_does_not_come_go_back_before_their_claim_ends) {
  mine.parts().messaging.handler_timeout = 10min;
  mine.parts().messaging.inbox_retention = std::chrono::hours(24 * 30);
  mine.parts().messaging.start_limit = 1;
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.deliver("slow");
    put_row("m1");
    eventually([&] { return mine.statistics().waiting == 1; }, "the row in its queue");
    eventually([&] { return mine.statistics().waiting == 0; }, "its way back", 25s);
    sleep_for(5min);
    may_end = true;
    eventually([&] { return mine.effects["deliver/m1"] == 1; }, "the effect");
    EXPECT_EQ(mine.starts["deliver/m1"], 1);
    EXPECT_EQ(mine.store.count_errors(), 0) << "waiting is no start";
    mine.stop();
  });
}

TEST_F(waiting_messages, an_endpoint_that_nobody_has_stopped_ends_its_loops_and_handlers_before_it_goes) {
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.deliver("slow");
    put_row("m1");
    eventually([&] { return mine.statistics().waiting == 1; }, "the row in its queue");
    mine.endpoint.reset();  // as after a start that failed in the middle
    may_end = true;
    sleep_for(1min);
    EXPECT_TRUE(mine.effects.empty()) << "something of it ran on";
  });
}

TEST_F(waiting_messages, a_loop_that_fails_again_and_again_shows_in_the_trouble_until_it_runs) {
  bool refused = true;
  wire.on_declare = [&](const topology& wanted) {
    if (refused && wanted.queues.empty()) throw conflict("exchange_in_another_form", "the exchange deliveries is there as a fanout");
  };
  time.run([&] {
    mine.start();
    mine.publish("m1", "planned");
    eventually([&] { return mine.endpoint->statistics().trouble.find("as a fanout") != std::string::npos; }, "word of it", 20s);
    EXPECT_EQ(mine.store.outbox().size(), 1U) << "nothing is lost meanwhile";
    refused = false;
    eventually([&] { return mine.store.outbox().empty(); }, "the message on its way");
    EXPECT_EQ(mine.endpoint->statistics().trouble, "");
    mine.stop();
  });
}

TEST_F(waiting_messages, a_fault_of_the_broker_is_forgotten_when_another_instance_has_sent_what_it_befell) {
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.confirms = false;
    mine.publish("m1", "planned");
    eventually([&] { return mine.endpoint->statistics().trouble.find("the broker is away") != std::string::npos; }, "word of it", 20s);
    mine.store.mark_sent(std::vector{mine.store.outbox().begin()->first});  // by the relay of another instance
    eventually([&] { return mine.endpoint->statistics().trouble.empty(); }, "an end of the trouble", 60s);
    mine.stop();
  });
}

}  // namespace
}  // namespace mamey::testing
