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

TEST_F(messaging_in_process, a_commit_of_messages_makes_nobody_look_for_delayed_ones) {
  int looks = 0;
  orders.store.before = [&](std::string_view operation) { looks += operation == "claim_due" || operation == "next_due" ? 1 : 0; };
  time.run([&] {
    start();
    sleep_for(30s);  // by then it looks once in a while only
    const auto before = looks;
    for (int each = 0; each < 40; ++each) {
      orders.publish("m" + std::to_string(each), "created");
      sleep_for(10ms);
    }
    EXPECT_LE(looks - before, 1);
    stop();
  });
}

TEST_F(messaging_in_process, the_backlog_is_read_each_second_while_something_happens_and_otherwise_when_somebody_asks) {
  int readings = 0;
  orders.store.before = [&](std::string_view operation) { readings += operation == "read_outbox_state" ? 1 : 0; };
  time.run([&] {
    start();
    sleep_for(10s);
    readings = 0;
    sleep_for(600s);
    EXPECT_LE(readings, 10) << "nothing happens, and nobody asks";
    EXPECT_GE(readings, 9) << "others may have written rows";

    readings = 0;
    orders.endpoint->statistics();
    sleep_for(1001ms);
    EXPECT_GE(readings, 1) << "somebody asked";
    stop();
  });
}

TEST_F(messaging_in_process, the_backlog_is_at_most_a_second_old_while_messages_wait) {
  int readings = 0;
  orders.store.before = [&](std::string_view operation) { readings += operation == "read_outbox_state" ? 1 : 0; };
  orders.parts().messaging.publishing = false;
  time.run([&] {
    start();
    sleep_for(120s);
    orders.publish("m1", "created");
    sleep_for(2100ms);  // nobody asks meanwhile
    EXPECT_EQ(orders.endpoint->statistics().backlog.pending, 1);
    readings = 0;
    sleep_for(30s);
    EXPECT_GE(readings, 29);
    stop();
  });
}

/// What the relay asks of the store beside the commits that write the messages, while 200 messages a second are committed.
class cost_of_relaying : public messaging_in_process {
 protected:
  double per_message(std::string_view operation) const { return static_cast<double>(counts_.at(std::string(operation))) / messages; }
  void run(outbox_options outbox) {
    orders.parts().outbox = std::move(outbox);
    deliveries.subscribe("orders", "created", {deliveries.handler("deliver")});
    for (const auto* each : {"claim_outbox", "mark_sent", "renew_outbox", "lease_slots", "claim_due"}) counts_[each] = 0;
    time.run([&] {
      start();
      sleep_for(30s);  // by then polls are rare
      orders.store.before = [this](std::string_view operation) { ++counts_[std::string(operation)]; };
      for (int each = 0; each < messages; ++each) {
        orders.publish("m" + std::to_string(each), "created", std::to_string(each));
        sleep_for(5ms);
      }
      eventually([&] { return orders.store.outbox().empty(); }, "the marks");
      orders.store.before = {};
      stop();
    });
    EXPECT_EQ(deliveries.effects.size(), static_cast<std::size_t>(messages));
  }

 private:
  static constexpr int messages = 2'000;
  std::map<std::string, int> counts_;
};

TEST_F(cost_of_relaying, is_a_fifth_of_a_statement_per_message) {
  run({});
  EXPECT_LT(per_message("claim_outbox"), 0.02);
  EXPECT_LT(per_message("mark_sent"), 0.15);
  EXPECT_LT(per_message("renew_outbox") + per_message("lease_slots") + per_message("claim_due"), 0.02);
}

TEST_F(cost_of_relaying, is_a_fifth_of_a_statement_per_message_in_order_too) {
  run({.ordered = true});
  EXPECT_LT(per_message("claim_outbox"), 0.02);
  EXPECT_LT(per_message("mark_sent"), 0.15);
  EXPECT_LT(per_message("renew_outbox") + per_message("lease_slots") + per_message("claim_due"), 0.02);
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

TEST_F(messaging_in_process, a_message_that_was_settled_runs_no_handler_when_it_comes_again) {
  for (const bool looks : {true, false}) {
    deliveries.parts().subscriptions.clear();
    deliveries.parts().messaging.look_before_handling = looks;
    const std::string id = looks ? "m1" : "m2";
    deliveries.subscribe("orders", "created", {deliveries.handler("deliver"), deliveries.handler("notify")});
    time.run([&] {
      start();
      for (std::uint64_t times = 1; times <= 3; ++times) {
        orders.publish(id, "created");
        eventually(
            [&] {
              return orders.store.outbox().empty() && deliveries.statistics().handled + deliveries.statistics().duplicates == 2 * times;
            },
            "its settlement");
      }
      for (const auto* handler : {"deliver/", "notify/"}) {
        EXPECT_EQ(deliveries.effects[handler + id], 1);
        EXPECT_EQ(deliveries.starts[handler + id], looks ? 1 : 3)
            << "the inbox stops the handler, or with messaging:lookBeforeHandling false its effects alone";
      }
      EXPECT_EQ(deliveries.statistics().duplicates, 4U);
      stop();
    });
  }
}

TEST_F(messaging_in_process, an_event_nobody_listens_to_is_kept_as_unroutable) {
  time.run([&] {
    start();
    orders.publish("m1", "unheard");
    eventually([&] { return orders.store.read_outbox_state().unroutable == 1; }, "the mark");
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
