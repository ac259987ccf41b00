// Rules for failures: which one wins, and what each reaction makes of a message.
#include <gtest/gtest.h>

#include <algorithm>

#include <mamey/messaging/delivery_machine.hpp>
#include <mamey/messaging/failure_plan.hpp>

#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

failure_rule reacting(failure_reaction reaction) { return {.reaction = reaction}; }
failure_rule retrying(int immediate) { return {.immediate_retries = immediate}; }

/// Each place gives its own number of immediate retries; they are taken away one by one, the strongest first.
TEST(failure_rules, the_configuration_beats_code_and_a_code_beats_a_handler_beats_a_type_beats_all) {
  failure_levels levels{.configured = {.error_codes = {{"away", retrying(1)}},
                                       .handlers = {{"charge", retrying(2)}},
                                       .message_types = {{"Order", retrying(3)}}},
                        .configured_for_all = retrying(4),
                        .declared = {.error_codes = {{"away", retrying(5)}},
                                     .handlers = {{"charge", retrying(6)}},
                                     .message_types = {{"Order", retrying(7)}}},
                        .for_all = retrying(8)};
  const auto retries = [&] { return plan_of(levels, "charge", "Order").of("away").immediate_retries; };
  EXPECT_EQ(retries(), 1);
  levels.configured.error_codes.clear();
  EXPECT_EQ(retries(), 2);
  levels.configured.handlers.clear();
  EXPECT_EQ(retries(), 3);
  levels.configured.message_types.clear();
  EXPECT_EQ(retries(), 4);
  levels.configured_for_all = {};
  EXPECT_EQ(retries(), 5);
  levels.declared.error_codes.clear();
  EXPECT_EQ(retries(), 6);
  levels.declared.handlers.clear();
  EXPECT_EQ(retries(), 7);
  levels.declared.message_types.clear();
  EXPECT_EQ(retries(), 8);
}

TEST(failure_rules, each_setting_is_looked_for_on_its_own) {
  const failure_levels levels{
      .configured = {.error_codes = {},
                     .handlers = {{"CHARGE", {.delayed_retries = {{1s}}}}},  // as a variable spells it
                     .message_types = {}},
      .configured_for_all = retrying(4),
      .declared = {.error_codes = {{"away", reacting(failure_reaction::discard)}}, .handlers = {}, .message_types = {}},
      .for_all = {.immediate_retries = 8, .delayed_retries = {{2s, 3s}}}};
  const auto charge = plan_of(levels, "charge", "Order").of("away");
  EXPECT_EQ(charge.reaction, failure_reaction::retry) << "who gives retries in the configuration asks for them";
  EXPECT_EQ(charge.immediate_retries, 4);
  EXPECT_EQ(charge.delayed_retries, (std::vector<std::chrono::milliseconds>{1s}));
  const auto ship = plan_of(levels, "ship", "Order");
  EXPECT_EQ(ship.of("AWAY").reaction, failure_reaction::discard) << "a number for all messages takes no reaction away";
  EXPECT_EQ(ship.of("else").reaction, failure_reaction::retry);
  EXPECT_EQ(ship.of("else").delayed_retries.size(), 2U);
}

TEST(failure_rules, a_rule_that_contradicts_itself_is_refused_with_its_place) {
  const failure_rules rules{.error_codes = {{"away", {}}, {"late", {.immediate_retries = 101}}},
                            .handlers = {{"charge", {.reaction = failure_reaction::discard, .immediate_retries = 1}},
                                         {"ship", {.reaction = failure_reaction::retry, .pause_for = 1s}}},
                            .message_types = {{"Order", {.delayed_retries = {{0ms}}}}}};
  const auto problems = problems_of(rules, "messaging.recoverability");
  const auto said = [&](std::string_view begin) {
    return std::ranges::any_of(problems,
                               [&](const std::string& each) { return each.starts_with("messaging.recoverability" + std::string(begin)); });
  };
  EXPECT_EQ(problems.size(), 5U);
  EXPECT_TRUE(said(".errorCodes.away says nothing: expected reaction"));
  EXPECT_TRUE(said(".errorCodes.late.immediateRetries must be 0 to 100"));
  EXPECT_TRUE(said(".handlers.charge gives retries, and its reaction is not retry"));
  EXPECT_TRUE(said(".handlers.ship.pauseFor is for the reaction pause"));
  EXPECT_TRUE(said(".messageTypes.Order: each of delayedRetries must be above 0"));
}

// -- what the machine decides ----------------------------------------------------------------------------------------------

failure_plan plan(failure_decision usual, std::map<std::string, failure_decision> by_code = {}) {
  return {.usual = std::move(usual), .by_code = std::move(by_code)};
}

TEST(failure_rules, a_code_that_is_to_be_retried_is_retried_although_it_is_permanent) {
  const auto rules = plan({.immediate_retries = 3}, {{"not_there_yet", {.immediate_retries = 1, .permanent_too = true}}});
  delivery_machine machine({}, {}, {}, &rules);
  EXPECT_EQ(machine.on(delivery_event::begin).step, delivery_step::run);
  EXPECT_EQ(machine.on(delivery_event::failed_permanent, 0, "not_there_yet").step, delivery_step::wait);
  EXPECT_EQ(machine.on(delivery_event::waited).step, delivery_step::run);
  EXPECT_EQ(machine.on(delivery_event::failed_permanent, 0, "no_address").step, delivery_step::store_failure)
      << "retries of a handler are for errors that they may cure";
}

TEST(failure_rules, a_message_that_pauses_goes_back_without_a_counted_start) {
  const auto rules = plan({.reaction = failure_reaction::pause, .pause_for = 5s});
  delivery_machine machine({}, {.redelivered = true}, {}, &rules);
  machine.on(delivery_event::begin);
  machine.on(delivery_event::not_handled);
  EXPECT_EQ(machine.on(delivery_event::start_counted, 2).step, delivery_step::run);
  const auto action = machine.on(delivery_event::failed_transient, 0, "away");
  EXPECT_EQ(action.step, delivery_step::give_back);
  EXPECT_EQ(action.ending, delivery_ending::paused);
  EXPECT_EQ(action.counting, start_counting::uncounted);
  EXPECT_EQ(action.undo, start_undo::one);
  EXPECT_EQ(action.pause_for, 5s);
}

TEST(failure_rules, a_commit_that_may_have_happened_is_not_discarded_unseen) {
  const auto rules = plan({.reaction = failure_reaction::discard});
  delivery_machine machine({}, {}, {}, &rules);
  machine.on(delivery_event::begin);
  EXPECT_EQ(machine.on(delivery_event::outcome_unknown, 0, "commit_unknown").step, delivery_step::store_failure);
  EXPECT_EQ(machine.on(delivery_event::already_handled).ending, delivery_ending::duplicate) << "it had happened";
}

TEST(failure_rules, a_paused_subscription_hears_nothing_but_the_end_of_its_pause) {
  using event = subscription_event;
  const steady_time start(1h);
  for (const auto last : {0ms, 500ms}) {
    subscription_machine machine(1);
    machine.on(event::start, start);
    machine.on(event::subscribed, start);
    EXPECT_EQ(machine.on(event::pause, start, last), subscription_step::hold);
    for (const auto each : {event::subscribed, event::channel_closed, event::consumer_cancelled, event::consumer_resumed, event::timer,
                            event::start, event::pause})
      EXPECT_EQ(machine.on(each, start + 400ms, 1ms), subscription_step::none);
    EXPECT_EQ(machine.state(), subscription_state::paused);
    EXPECT_EQ(machine.retry_at(), last == 0ms ? steady_time::max() : start + last);
    EXPECT_EQ(machine.on(last == 0ms ? event::resume : event::timer, start + 500ms), subscription_step::subscribe);
  }
}

TEST(failure_rules, a_paused_subscription_stops_with_the_process) {
  subscription_machine machine(1);
  machine.on(subscription_event::pause, steady_time(1h));
  EXPECT_EQ(machine.on(subscription_event::stop, steady_time(1h)), subscription_step::cancel);
}

// -- what becomes of messages ----------------------------------------------------------------------------------------------

/// Deliveries fail as a test wants, and react as its plan says.
class failure_rules_in_process : public messaging_in_process {
 protected:
  void react(failure_plan how) {
    auto handler = deliveries.handler("deliver", [this](const envelope& message, auto&) {
      if (message.id.starts_with("bad") && broken) throw unavailable("carrier_away", "the carrier does not answer");
    });
    handler.plan = std::make_shared<const failure_plan>(std::move(how));
    deliveries.subscribe("orders", "created", {std::move(handler)});
  }
  bool broken = true;
};

TEST_F(failure_rules_in_process, a_discarded_message_is_settled_counted_and_kept_nowhere) {
  react(plan({.immediate_retries = 3}, {{"carrier_away", {.reaction = failure_reaction::discard}}}));
  time.run([&] {
    start();
    orders.publish("bad", "created");
    orders.publish("good", "created");
    eventually([&] { return orders.store.outbox().empty(); }, "the settlement of both");
    EXPECT_EQ(deliveries.statistics().discarded, 1U);
    EXPECT_EQ(deliveries.starts["deliver/bad"], 1);
    EXPECT_EQ(deliveries.effects["deliver/good"], 1);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    broken = false;
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().duplicates == 1; }, "the end of the repeat");
    EXPECT_EQ(deliveries.starts["deliver/bad"], 1) << "what was discarded is not handled when it comes again";
    stop();
  });
}

TEST_F(failure_rules_in_process, a_message_may_go_to_the_error_store_without_a_retry) {
  react(plan({.reaction = failure_reaction::error_store, .immediate_retries = 3}));
  time.run([&] {
    start();
    orders.publish("bad", "created");
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.starts["deliver/bad"], 1);
    stop();
  });
}

TEST_F(failure_rules_in_process, a_handler_has_retries_of_its_own) {
  react(plan({.immediate_retries = 2, .delayed_retries = {5s}}));
  time.run([&] {
    start();
    const auto began = steady_now();
    orders.publish("bad", "created");
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    EXPECT_EQ(deliveries.starts["deliver/bad"], 6) << "two rounds of three, where the options say three rounds of two";
    EXPECT_GE(steady_now() - began, 5s);
    stop();
  });
}

TEST_F(failure_rules_in_process, a_paused_subscription_handles_nothing_until_it_is_resumed) {
  react(plan({.reaction = failure_reaction::pause}));
  deliveries.subscribe("orders", "cancelled", {deliveries.handler("cancel")});
  time.run([&] {
    start();
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().state == subscription_state::paused; }, "the pause");
    for (const auto* id : {"m1", "m2", "m3"}) orders.publish(id, "created");
    orders.publish("other", "cancelled");
    eventually([&] { return deliveries.effects["cancel/other"] == 1; }, "the effect at another subscription");
    sleep_for(1h);
    EXPECT_EQ(deliveries.starts.size(), 2U) << "bad, once, and other";
    EXPECT_EQ(deliveries.starts["deliver/bad"], 1);
    EXPECT_EQ(deliveries.store.count_errors(), 0);
    const auto& trouble = deliveries.endpoint->statistics().trouble;
    EXPECT_EQ(
        trouble,
        "created is paused: deliver failed with carrier_away (the carrier does not answer); nothing is handled until it is resumed or "
        "started again");
    broken = false;
    deliveries.endpoint->resume("created");
    eventually([&] { return orders.store.outbox().empty(); }, "the settlement of all");
    EXPECT_EQ(deliveries.starts["deliver/bad"], 2);
    for (const auto* id : {"bad", "m1", "m2", "m3"}) EXPECT_EQ(deliveries.effects[std::string("deliver/") + id], 1) << id;
    eventually([&] { return deliveries.endpoint->statistics().trouble.empty(); }, "the end of the trouble");
    stop();
  });
}

TEST_F(failure_rules_in_process, a_pause_ends_after_its_time) {
  react(plan({.reaction = failure_reaction::pause, .pause_for = 30s}));
  time.run([&] {
    start();
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().state == subscription_state::paused; }, "the pause");
    broken = false;
    const auto began = steady_now();
    eventually([&] { return deliveries.effects["deliver/bad"] == 1; }, "the effect");
    EXPECT_GE(steady_now() - began, 29s);
    stop();
  });
}

TEST_F(failure_rules_in_process, a_pause_ends_with_the_process_and_nothing_is_lost) {
  react(plan({.reaction = failure_reaction::pause}));
  time.run([&] {
    start();
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().state == subscription_state::paused; }, "the pause");
    orders.publish("m1", "created");
    stop();
    broken = false;
    start();
    eventually([&] { return deliveries.effects["deliver/bad"] == 1 && deliveries.effects["deliver/m1"] == 1; }, "the effects");
    stop();
  });
}

TEST_F(failure_rules_in_process, delayed_messages_wait_as_well) {
  react(plan({.delayed_retries = {10s}}, {{"bank_away", {.reaction = failure_reaction::pause}}}));
  bool bank = false;
  deliveries.parts().subscriptions.front().handlers.front().handle = [&](const envelope& message, handling_context& context) {
    ++deliveries.starts[message.id];
    if (message.id == "late" && broken) throw unavailable("carrier_away", "the carrier does not answer");
    if (message.id == "bad" && bank) throw unavailable("bank_away", "the bank does not answer");
    change_set changes;
    context.seal(changes);
    return deliveries.store.commit(changes) == commit_outcome::committed ? handling_result::committed : handling_result::already_handled;
  };
  bank = true;
  time.run([&] {
    start();
    orders.publish("late", "created");
    eventually([&] { return deliveries.store.delayed_count() == 1; }, "the delayed row");
    orders.publish("bad", "created");
    eventually([&] { return deliveries.statistics().state == subscription_state::paused; }, "the pause");
    sleep_for(60s);
    EXPECT_EQ(deliveries.starts["late"], 1) << "due, and not handled";
    broken = bank = false;
    deliveries.endpoint->resume("created");
    eventually([&] { return deliveries.store.delayed_count() == 0 && deliveries.starts["bad"] == 2; }, "both");
    EXPECT_EQ(deliveries.starts["late"], 2);
    stop();
  });
}

TEST_F(failure_rules_in_process, only_what_is_paused_can_be_resumed) {
  react(plan({}));
  time.run([&] {
    start();
    EXPECT_THROW(deliveries.endpoint->resume("created"), conflict);
    try {
      deliveries.endpoint->resume("creatd");
      ADD_FAILURE() << "a name that no subscription has";
    } catch (const not_found& refused) {
      EXPECT_EQ(refused.reason(), "there is no subscription creatd: expected one of created");
    }
    stop();
  });
}

TEST_F(failure_rules_in_process, retries_that_outlast_the_inbox_are_refused) {
  react(plan({.delayed_retries = {std::chrono::hours(24 * 30)}}));
  time.run([&] {
    try {
      deliveries.start();
      ADD_FAILURE() << "such a retry would be handled twice";
    } catch (const validation_error& refused) {
      EXPECT_NE(refused.violations().front().message.find("must be at least the retries of deliver"), std::string::npos);
    }
    deliveries.endpoint.reset();
  });
}

}  // namespace
}  // namespace mamey::testing
