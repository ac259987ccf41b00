// What becomes of a message whose handler, store or process fails.
#include <random>
#include <set>

#include "endpoint_fixture.hpp"
#include "scripted_transport.hpp"

namespace mamey::testing {
namespace {

/// A refusal that publishes what was refused.
failure_answer rejection(const envelope&, const error_report& error) {
  failure_answer answer;
  answer.rejected.emplace();
  answer.rejected->type = "rejected";
  answer.rejected->exchange = "deliveries";
  answer.rejected->routing_key = "rejected";
  answer.rejected->body = error.code;
  return answer;
}

TEST_F(messaging_in_process, a_transient_failure_is_retried_at_once_and_later) {
  int failures = 3;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const auto&, auto&) {
                         if (failures-- > 0) throw unavailable("carrier_away", "the carrier does not answer");
                       })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 4) << "two at once, two after the first delay";
    EXPECT_EQ(deliveries.store.delayed_count(), 0U);
    EXPECT_TRUE(orders.store.outbox().empty()) << "the delayed row is durable, so the publisher is free";
    const auto seen = deliveries.statistics();
    EXPECT_EQ(seen.delayed, 1U);
    EXPECT_EQ(seen.immediate_retries, 2U);
    stop();
  });
}

TEST_F(messaging_in_process, a_lasting_failure_ends_in_the_error_store_with_its_story) {
  deliveries.subscribe(
      "orders", "created",
      {deliveries.handler("deliver", [](const auto&, auto&) { throw unavailable("carrier_away", "the carrier does not answer"); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    const auto record = deliveries.store.errors().front();
    EXPECT_EQ(record.error_code, "carrier_away");
    EXPECT_EQ(record.key.subscription, "deliver");
    EXPECT_EQ(record.message.id, "m1");
    EXPECT_EQ(record.attempts, 6) << "three rounds of two";
    EXPECT_LT(record.first_failed_at, record.failed_at);
    EXPECT_EQ(deliveries.store.delayed_count(), 0U);
    stop();
  });
}

TEST_F(messaging_in_process, a_refusal_publishes_its_rejected_event_once_and_is_not_retried) {
  auto handler = deliveries.handler("deliver", [](const auto&, auto&) { throw domain_error("no_address", "an order needs an address"); });
  handler.on_failure = rejection;
  deliveries.subscribe("orders", "created", {handler});
  std::vector<envelope> heard;
  orders.subscribe("deliveries", "rejected",
                   {orders.handler("apologise", [&](const envelope& message, auto&) { heard.push_back(message); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return orders.effects.size() == 1; }, "the apology");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1);
    EXPECT_EQ(deliveries.store.commits(), 1U) << "inbox row, rejected event and error record are one transaction";
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the repeat's settlement");
    sleep_for(10s);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard.front().id, derived_id("m1", "deliver"));
    EXPECT_EQ(heard.front().causation_id, "m1");
    EXPECT_EQ(heard.front().body, "no_address");
    EXPECT_EQ(deliveries.store.count_errors(), 1);
    EXPECT_EQ(deliveries.statistics().failed, 1U);
    EXPECT_EQ(deliveries.statistics().duplicates, 1U);
    stop();
  });
}

TEST_F(messaging_in_process, each_handler_has_its_own_unit_of_work_and_only_the_failing_one_runs_again) {
  int failures = 2;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver"), deliveries.handler("notify", [&](const auto&, auto&) {
                                               if (failures-- > 0) throw unavailable("mail_away", "no mail server");
                                             })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.effects["notify/m1"] == 1; }, "the notification");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1);
    EXPECT_EQ(deliveries.starts["notify/m1"], 3);
    stop();
  });
}

TEST_F(messaging_in_process, an_error_store_retry_runs_the_failing_handler_only_with_the_same_message) {
  bool broken = true;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver"), deliveries.handler("notify", [&](const auto&, auto&) {
                                               if (broken) throw domain_error("no_address", "an order needs an address");
                                             })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    error_operations errors(deliveries.store);
    const auto first = deliveries.store.errors().front().id;
    errors.retry(first);
    eventually([&] { return deliveries.store.count_errors() == 1 && deliveries.store.errors().front().id != first; },
               "a second failure, a new record");
    broken = false;
    errors.retry(deliveries.store.errors().front().id);
    eventually([&] { return deliveries.effects["notify/m1"] == 1; }, "the effect");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the repeat is settled");
    EXPECT_EQ(deliveries.effects["notify/m1"], 1) << "a late repeat of the original still finds its inbox row";
    stop();
  });
}

TEST_F(messaging_in_process, nothing_is_acknowledged_while_the_consumers_store_is_away) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    deliveries.store.before = [](std::string_view) { throw unavailable("disk_away", "no disk"); };
    orders.publish("m1", "created");
    sleep_for(30s);
    EXPECT_EQ(orders.store.outbox().size(), 1U);
    EXPECT_GT(deliveries.statistics().given_back, 0U);
    deliveries.store.before = {};
    eventually([&] { return deliveries.effects["deliver/m1"] == 1 && orders.store.outbox().empty(); }, "the effect");
    stop();
  });
}

TEST_F(messaging_in_process, a_store_that_cannot_take_a_failed_message_is_asked_for_one_at_a_time) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const envelope& message, auto&) {
                         if (message.id == "bad") throw domain_error("no_address", "an order needs an address");
                       })});
  time.run([&] {
    start();
    deliveries.store.before = [](std::string_view) { throw unavailable("disk_away", "no disk"); };
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().throttle == throttle_state::single; }, "the throttle");
    EXPECT_EQ(orders.store.outbox().size(), 1U);
    deliveries.store.before = {};
    for (const auto* id : {"good", "better"}) orders.publish(id, "created");  // with each that succeeds twice as many at a time
    eventually([&] { return deliveries.statistics().throttle == throttle_state::open; }, "the recovery");
    eventually([&] { return deliveries.store.errors().size() == 1; }, "the record");
    stop();
  });
}

TEST_F(messaging_in_process, an_unknown_commit_is_settled_by_the_inbox) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    bool once = true;
    deliveries.store.after = [&](std::string_view operation) {
      if (operation == "commit" && std::exchange(once, false)) throw commit_unknown("commit_unknown", "the connection broke");
    };
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the settlement");
    EXPECT_EQ(deliveries.effects["deliver/m1"], 1);
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1) << "the inbox was asked before running again";
    stop();
  });
}

TEST_F(messaging_in_process, a_message_somebody_else_handles_comes_again_however_often_and_costs_no_attempt) {
  int busy = 20;
  auto handler = deliveries.handler("deliver", [&](const auto&, auto&) {
    if (busy-- > 0) throw message_busy({"deliver", "m1"});
  });
  deliveries.subscribe("orders", "created", {handler});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    const auto seen = deliveries.statistics();
    EXPECT_EQ(seen.busy, 20U);
    EXPECT_EQ(seen.throttle, throttle_state::open) << "no dependency is away";
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    stop();
  });
}

TEST_F(messaging_in_process, rounds_in_place_are_no_starts_without_an_outcome) {
  deliveries.parts().messaging.start_limit = 1;
  int failures = 4;  // two rounds of two tries
  auto& described = deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const envelope&, handling_context&) {
                                           if (failures-- > 0) throw unavailable("bank_away", "the bank does not answer");
                                         })});
  described.ordered = true;
  time.run([&] {
    start();
    orders.publish("m1", "created", "a");
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect of the third round");
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    EXPECT_EQ(deliveries.starts["deliver/m1"], 5);
    stop();
  });
}

TEST_F(messaging_in_process, a_message_that_never_comes_to_an_outcome_is_parked_unrun) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    // What N processes left behind that it killed: a row whose lease ran out, and their starts.
    for (int i = 0; i < 5; ++i) deliveries.store.count_start({"deliver", "m1"}, 0);
    orders.publish("m1", "created");
    orders.store.claim_outbox({.lease = 1s});
    sleep_for(2s);
    start();
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    EXPECT_EQ(deliveries.store.errors().front().error_code, "start_limit_exceeded");
    orders.publish("m2", "created");
    eventually([&] { return deliveries.effects["deliver/m2"] == 1; }, "the rest flows");
    stop();
  });
}

TEST_F(messaging_in_process, a_handler_over_its_deadline_fails_and_is_retried) {
  bool slow = true;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const auto&, auto&) {
                         if (std::exchange(slow, false)) sleep_for(1h);
                       })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect", 60s);
    EXPECT_EQ(deliveries.starts["deliver/m1"], 2);
    stop();
  });
}

TEST_F(messaging_in_process, when_everything_fails_a_subscription_goes_one_at_a_time_and_recovers) {
  bool broken = true;
  int at_once = 0, most = 0;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const auto&, auto&) {
                         most = std::max(most, ++at_once);
                         sleep_for(10ms);
                         --at_once;
                         if (broken) throw unavailable("carrier_away", "the carrier does not answer");
                       })});
  time.run([&] {
    start();
    for (int i = 0; i < 30; ++i) orders.publish("m" + std::to_string(i), "created");
    eventually([&] { return deliveries.statistics().throttle == throttle_state::single; }, "the throttle");
    eventually([&] { return deliveries.statistics().running == 0; }, "the burst's end");
    most = 0;
    sleep_for(200ms);
    EXPECT_LE(most, 1);
    broken = false;
    eventually([&] { return deliveries.statistics().throttle == throttle_state::open; }, "the recovery");
    stop();
  });
}

TEST_F(messaging_in_process, a_long_fault_parks_nothing_that_has_retries_left) {
  bool broken = true;
  deliveries.parts().messaging.delayed_retries = {1s, 5s, 30s, 120s, 600s};
  deliveries.parts().messaging.concurrency = 16;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const auto&, auto&) {
                         if (broken) throw unavailable("carrier_away", "the carrier does not answer");
                       })});
  time.run([&] {
    start();
    constexpr std::size_t messages = 200;
    for (std::size_t i = 0; i < messages; ++i) orders.publish("m" + std::to_string(i), "created");
    sleep_for(600s);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    broken = false;
    eventually([&] { return deliveries.effects.size() == messages; }, "the recovery", 1000s);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    EXPECT_EQ(deliveries.store.delayed_count(), 0U);
    stop();
  });
}

TEST_F(messaging_in_process, a_failure_of_one_tenant_is_not_the_other_s_with_the_same_id) {
  std::map<std::string, int> failures{{"t1", 3}, {"t2", 3}};
  auto handler = deliveries.handler("deliver", [&](const envelope& message, auto&) {
    if (message.body == "bad") throw domain_error("no_address", "an order needs an address");
    if (failures[message.tenant]-- > 0) throw unavailable("carrier_away", "the carrier does not answer");
  });
  handler.on_failure = [](const envelope& message, const error_report& error) {
    return message.body == "bad" ? rejection(message, error) : failure_answer{};
  };
  deliveries.subscribe("orders", "created", {handler});
  std::set<std::string> heard;
  orders.subscribe("deliveries", "rejected",
                   {orders.handler("apologise", [&](const envelope& message, auto&) { heard.insert(message.tenant + message.id); })});
  time.run([&] {
    start();
    for (const auto* body : {"good", "bad"}) {
      for (const auto* tenant : {"t1", "t2"}) {
        envelope message;
        message.id = std::string("m-") + body;
        message.body = body;
        message.tenant = tenant;
        message.exchange = "orders";
        message.routing_key = "created";
        orders.publish(message);
        orders.publish(message);
      }
    }
    eventually([&] { return deliveries.effects["deliver/m-good"] == 2; }, "both after a round that failed");
    eventually([&] { return heard.size() == 2; }, "both refusals");
    eventually([&] { return orders.store.outbox().empty() && deliveries.store.outbox().empty(); }, "the repeats' ends");
    eventually([&] { return deliveries.store.delayed_count() == 0; }, "the end of their rows");
    EXPECT_EQ(deliveries.effects["deliver/m-good"], 2) << "once for each";
    EXPECT_EQ(deliveries.store.count_errors(), 2);
    stop();
  });
}

TEST_F(messaging_in_process, whatever_the_consumers_store_throws_nothing_is_acknowledged_before_the_end_is_durable) {
  auto handler = deliveries.handler("deliver", [](const envelope& message, auto&) {
    if (message.id == "bad") throw 7;  // NOLINT: somebody's library
    if (message.id == "slow") throw unavailable("carrier_away", "the carrier does not answer");
  });
  handler.on_failure = [](const envelope&, const error_report&) -> failure_answer { throw 8; };
  deliveries.subscribe("orders", "created", {handler});
  time.run([&] {
    start();
    std::minstd_rand random(1);
    deliveries.store.before = [&](std::string_view) {
      if (random() % 3 == 0) throw 9;
    };
    for (const auto* id : {"bad", "slow"}) orders.publish(id, "created");
    eventually([&] { return deliveries.store.errors().size() == 2; }, "the end of both", 1h);
    eventually([&] { return orders.store.outbox().empty(); }, "their settlement", 1h);
    EXPECT_TRUE(deliveries.effects.empty());
    deliveries.store.before = {};
    stop();
  });
}

TEST_F(messaging_in_process, a_message_is_not_settled_while_its_handler_runs_on_beyond_its_deadline) {
  scripted_transport wire;
  test_application mine("deliveries", wire, time.loop());
  bool may_end = false;
  mine.subscribe("orders", "created", {mine.handler("deliver", [&](const auto&, auto&) {
                   const masked_section deaf(1h);
                   eventually([&] { return may_end; }, "the permission");
                 })});
  time.run([&] {
    mine.start();
    eventually([&] { return wire.consumers == 1; }, "a consumer");
    wire.deliver("m1");
    eventually([&] { return mine.starts["deliver/m1"] == 1; }, "a start");
    sleep_for(60s);
    EXPECT_EQ(wire.acknowledged + wire.given_back, 0) << "twelve times its deadline, and still at work";
    may_end = true;
    eventually([&] { return wire.acknowledged + wire.given_back == 1; }, "its settlement");
    EXPECT_EQ(mine.starts["deliver/m1"], 1);
    mine.stop();
  });
}

}  // namespace
}  // namespace mamey::testing
