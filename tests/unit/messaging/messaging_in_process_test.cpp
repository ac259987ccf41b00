#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

TEST_F(messaging_in_process, a_committed_event_is_handled_once_and_leaves_the_outbox) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "an empty outbox");
    EXPECT_EQ(deliveries.effects["deliver/m1"], 1);
    stop();
  });
}

TEST_F(messaging_in_process, the_row_stays_until_the_handlers_transaction_is_committed) {
  bool may_end = false;
  deliveries.subscribe("orders", "created",
                       {deliveries.handler("deliver", [&](const auto&, auto&) { eventually([&] { return may_end; }, "the permission"); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.starts["deliver/m1"] == 1; }, "a start");
    sleep_for(1s);
    EXPECT_EQ(orders.store.outbox().size(), 1U);
    may_end = true;
    eventually([&] { return orders.store.outbox().empty(); }, "an empty outbox");
    stop();
  });
}

TEST_F(messaging_in_process, a_handler_that_outlasts_the_lease_keeps_its_message) {
  deliveries.parts().messaging.handler_timeout = 120s;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(60s); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "an empty outbox");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 1) << "the lease was renewed, so nobody sent it again";
    stop();
  });
}

TEST_F(messaging_in_process, a_repeated_message_has_no_second_effect) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "an empty outbox");
    EXPECT_EQ(deliveries.effects["deliver/m1"], 1);
    EXPECT_EQ(deliveries.statistics().duplicates, 1U);
    stop();
  });
}

TEST_F(messaging_in_process, an_event_nobody_listens_to_is_kept_as_unroutable) {
  time.run([&] {
    start();
    orders.publish("m1", "unheard");
    eventually([&] { return orders.store.read_outbox_state().unroutable == 1; }, "the mark");
    stop();
  });
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
  handler.on_failure = [](const envelope&, const error_report& error) {
    failure_answer answer;
    answer.rejected.emplace();
    answer.rejected->type = "rejected";
    answer.rejected->exchange = "deliveries";
    answer.rejected->routing_key = "rejected";
    answer.rejected->body = error.code;
    return answer;
  };
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

TEST_F(messaging_in_process, a_message_too_new_waits_and_goes_to_the_error_store_after_the_window) {
  deliveries.parts().messaging.rollout_window = 30s;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    envelope message;
    message.id = "m1";
    message.min_version = 2;
    message.version = 2;
    message.exchange = "orders";
    message.routing_key = "created";
    orders.publish(message);
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.store.errors().front().error_code, "too_new");
    EXPECT_GE(deliveries.statistics().too_new, 5U);
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    stop();
  });
}

TEST_F(messaging_in_process, an_old_version_is_lifted_and_a_broken_upcaster_is_a_permanent_error) {
  upcasters lifts;
  lifts.add("created", 1, [](std::string_view body) {
    if (body == "bad") throw std::runtime_error("cannot read it");
    return std::string(body) + "+";
  });
  deliveries.parts().lifts = &lifts;
  std::string seen;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const envelope& message, auto&) { seen = message.body; })})
      .reader_version = 2;
  time.run([&] {
    start();
    envelope message;
    message.id = "m1";
    message.body = "old";
    message.exchange = "orders";
    message.routing_key = "created";
    orders.publish(message);
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    EXPECT_EQ(seen, "old+") << "no type header: the subscription's type";
    message.id = "m2";
    message.body = "bad";
    orders.publish(message);
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.store.errors().front().error_code, "upcast_failed");
    stop();
  });
}

TEST_F(messaging_in_process, an_expired_message_is_dropped_and_one_without_id_is_counted) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    envelope message;
    message.id = "m1";
    message.exchange = "orders";
    message.routing_key = "created";
    message.expires_at = wall_now() - 1s;
    orders.publish(message);
    message.id.clear();
    message.expires_at.reset();
    orders.publish(message);
    eventually([&] { return orders.store.outbox().empty(); }, "both settled");
    const auto seen = deliveries.statistics();
    EXPECT_EQ(seen.expired, 1U);
    EXPECT_EQ(seen.without_id, 1U);
    EXPECT_EQ(deliveries.effects["deliver/"], 1);
    stop();
  });
}

TEST_F(messaging_in_process, a_renamed_handlers_alias_stops_what_the_old_name_handled) {
  auto renamed = deliveries.handler("deliver");
  renamed.aliases = {"ship"};
  deliveries.subscribe("orders", "created", {renamed});
  time.run([&] {
    deliveries.store.commit({.inbox = inbox_key{"ship", "m1"}});
    start();
    orders.publish("m1", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the settlement");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    stop();
  });
}

TEST_F(messaging_in_process, a_handler_runs_in_the_context_of_its_message) {
  ambient_context seen;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [&](const auto&, auto&) { seen = current_context(); })});
  time.run([&] {
    start();
    envelope message;
    message.id = "m1";
    message.correlation_id = "c1";
    message.tenant = "t1";
    message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    message.exchange = "orders";
    message.routing_key = "created";
    orders.publish(message);
    eventually([&] { return deliveries.effects["deliver/m1"] == 1; }, "the effect");
    EXPECT_EQ(seen.correlation_id, "c1");
    EXPECT_EQ(seen.causation_id, "m1");
    EXPECT_EQ(seen.tenant, "t1");
    EXPECT_EQ(seen.service, "deliveries");
    EXPECT_EQ(seen.trace.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
    EXPECT_TRUE(seen.deadline.has_value());
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

TEST_F(messaging_in_process, a_message_of_another_type_is_put_aside_unread) {
  deliveries.subscribe("orders", "order_created", {deliveries.handler("deliver")});
  time.run([&] {
    start();
    const auto publish = [&](std::string id, std::string type) {
      envelope message;
      message.id = std::move(id);
      message.type = std::move(type);
      message.exchange = "orders";
      message.routing_key = "order_created";
      orders.publish(std::move(message));
    };
    publish("m1", "OrderCancelled");
    publish("m2", "Shop.Orders.OrderCreated, Shop");
    publish("m3", "");
    eventually([&] { return deliveries.effects.size() == 2; }, "the two that are of the type");
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.store.errors().front().error_code, "unknown_type");
    EXPECT_EQ(deliveries.store.errors().front().message.id, "m1");
    EXPECT_EQ(deliveries.starts["deliver/m1"], 0);
    EXPECT_EQ(deliveries.statistics().throttle, throttle_state::open);
    stop();
  });
}

TEST_F(messaging_in_process, a_stop_finishes_what_runs_gives_back_the_rest_and_loses_nothing) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(1s); })});
  time.run([&] {
    start();
    for (int i = 0; i < 20; ++i) orders.publish("m" + std::to_string(i), "created");
    eventually([&] { return deliveries.statistics().running == 4; }, "four running");
    stop();
    EXPECT_EQ(deliveries.effects.size(), 4U) << "what ran was finished, nothing else begun";
    EXPECT_EQ(orders.store.outbox().size(), 16U);
    for (const auto& [sequence, row] : orders.store.outbox()) EXPECT_TRUE(row.token.empty()) << "released, not left to its lease";
    start();
    eventually([&] { return orders.store.outbox().empty(); }, "the rest after the restart");
    EXPECT_EQ(deliveries.effects.size(), 20U);
    for (const auto& [name, times] : deliveries.effects) EXPECT_EQ(times, 1) << name;
    stop();
  });
}

TEST_F(messaging_in_process, a_handler_that_ignores_the_grace_is_cancelled_and_its_message_stays) {
  deliveries.parts().messaging.handler_timeout = 1h;
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(30min); })});
  time.run([&] {
    start();
    orders.publish("m1", "created");
    eventually([&] { return deliveries.statistics().running == 1; }, "a start");
    stop();
    EXPECT_EQ(orders.store.outbox().size(), 1U);
    EXPECT_EQ(deliveries.effects["deliver/m1"], 0);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
  });
}

TEST_F(messaging_in_process, messages_of_a_key_take_effect_in_order_even_when_one_is_retried) {
  orders.parts().outbox.ordered = true;
  int failures = 2;
  std::vector<std::string> seen;
  deliveries
      .subscribe("orders", "created",
                 {deliveries.handler("deliver",
                                     [&](const envelope& message, auto&) {
                                       if (message.id == "m0" && failures-- > 0)
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
    eventually([&] { return orders.store.outbox().empty(); }, "all of them");
    EXPECT_EQ(seen, sent);
    stop();
  });
}

TEST_F(messaging_in_process, names_that_would_make_the_inbox_ambiguous_are_refused_at_start) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver"), deliveries.handler("deliver")});
  deliveries.subscribe("orders", "paid", {deliveries.handler("has#hash")});
  try {
    message_endpoint refused(deliveries.parts());
    FAIL() << "accepted";
  } catch (const validation_error& error) {
    EXPECT_EQ(error.violations().size(), 2U);
  }
}

}  // namespace
}  // namespace mamey::testing
