#include <mamey/messaging/sql_transport.hpp>
#include <tests/support/memory_queues.hpp>

#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

/// Orders publish, deliveries listen, over durable queues.
class messaging_by_sql : public ::testing::Test {
 protected:
  void start() {
    for (auto* each : {&deliveries, &orders}) each->start();
  }
  void stop() {
    for (auto* each : {&orders, &deliveries}) each->stop();
  }

  simulated_runtime time;
  memory_queues queues;
  sql_transport bus{queues, time.loop()};
  test_application orders{"orders", bus, time.loop()};
  test_application deliveries{"deliveries", bus, time.loop()};
};

TEST_F(messaging_by_sql, a_committed_event_is_handled_once_and_both_tables_end_empty) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    for (int i = 0; i < 50; ++i) orders.publish("m" + std::to_string(i), "created");
    eventually([&] { return deliveries.effects.size() == 50 && queues.depth("deliveries/orders.created") == 0; }, "fifty effects");
    eventually([&] { return orders.store.outbox().empty(); }, "the marks");
    for (const auto& [name, times] : deliveries.effects) EXPECT_EQ(times, 1) << name;
    stop();
  });
}

TEST_F(messaging_by_sql, a_confirmed_message_waits_for_a_consumer_that_is_not_there) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    deliveries.stop();
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the confirm");
    deliveries.start();
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    stop();
  });
}

TEST_F(messaging_by_sql, a_lost_lease_runs_a_message_twice_and_its_effect_once) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(3s); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.starts["deliver/m1"] == 1; }, "a start");
    queues.expire_leases();
    eventually([&] { return deliveries.starts["deliver/m1"] == 2; }, "a second start", 60s);
    eventually([&] { return queues.depth("deliveries/orders.created") == 0; }, "the settlement");
    EXPECT_EQ(deliveries.effects["deliver/m1"], 1);
    stop();
  });
}

TEST_F(messaging_by_sql, a_copy_of_what_may_be_out_already_looks_into_the_inbox_before_its_handler_runs) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    deliveries.store.commit({.inbox = inbox_key{"deliver", "m1"}});
    orders.publish("m1", "created");
    orders.store.claim_outbox({.lease = 1s});  // of a process that died without a word
    sleep_for(2s);
    start();
    eventually([&] { return deliveries.statistics().duplicates == 1; }, "the duplicate");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    stop();
  });
}

TEST_F(messaging_by_sql, a_handler_longer_than_the_lease_keeps_it) {
  deliveries.parts().messaging.lease = 3s;
  deliveries.parts().messaging.handler_timeout = 60s;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(30s); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1);
    stop();
  });
}

TEST_F(messaging_by_sql, a_message_started_too_often_is_parked_unrun_and_the_rest_flows) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    envelope killer;
    killer.id = "m1";
    queues.bind("deliveries/orders.created", "orders", "created");
    queues.put("deliveries/orders.created", killer, 0ms);
    for (int i = 0; i < 5; ++i) {  // processes it killed
      queues.take("deliveries/orders.created", 1, 1ms, false);
      queues.expire_leases();
    }
    start();
    orders.publish("m2", "created");
    eventually([&] { return deliveries.store.count_errors() == 1 && deliveries.effects["deliver/m2"] == 1; }, "the record, and the rest");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    EXPECT_EQ(deliveries.store.errors().front().error_code, "start_limit_exceeded");
    stop();
  });
}

TEST_F(messaging_by_sql, queues_that_are_away_cost_no_attempt_and_lose_nothing) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    queues.before = [](std::string_view) { throw unavailable("disk_away", "no disk"); };
    orders.publish("m1", "created");
    sleep_for(60s);
    EXPECT_FALSE(orders.endpoint->statistics().trouble.empty()) << "an operator sees it";
    const auto row = orders.store.outbox().begin()->second;
    EXPECT_EQ(row.attempts, 0);
    queues.before = {};
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    eventually([&] { return orders.endpoint->statistics().trouble.empty(); }, "the end of the trouble");
    stop();
  });
}

TEST_F(messaging_by_sql, a_subscription_without_a_store_retries_in_its_queue) {
  deliveries.parts().module_store = nullptr;
  int failures = 3;
  int handled = 0;
  message_handler handler;
  handler.name = "deliver";
  handler.handle = [&](const envelope&, handling_context& context) {
    EXPECT_FALSE(context.inbox.has_value());
    if (failures-- > 0) throw unavailable("carrier_away", "the carrier does not answer");
    ++handled;
    return handling_result::committed;
  };
  deliveries.subscribe("orders", "created", {handler});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return handled == 1 && queues.depth("deliveries/orders.created") == 0; }, "the handling");
    stop();
  });
}

TEST_F(messaging_by_sql, messages_of_a_key_take_effect_in_order_even_when_one_is_retried) {
  orders.parts().outbox.ordered = true;
  int failures = 3;
  std::vector<std::string> seen;
  deliveries
      .subscribe("orders", "created",
                 {deliveries.handler("deliver",
                                     [&](const envelope& message, auto&) {
                                       if (message.id == "m3" && failures-- > 0)
                                         throw unavailable("carrier_away", "the carrier does not answer");
                                       seen.push_back(message.id);
                                     })})
      .ordered = true;
  time.run([&] {
    start();
    std::vector<std::string> sent;
    for (int i = 0; i < 10; ++i) {
      sent.push_back("m" + std::to_string(i));
      orders.publish(sent.back(), "created", "order-1");
    }
    eventually([&] { return seen.size() == sent.size(); }, "all of them");
    EXPECT_EQ(seen, sent);
    stop();
  });
}

}  // namespace
}  // namespace mamey::testing
