#include <gtest/gtest.h>

#include <random>
#include <string>

#include <mamey/core/invariants.hpp>
#include <mamey/messaging/relay_machine.hpp>
#include <mamey/messaging/subscription_machine.hpp>
#include <mamey/messaging/throttle_machine.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

/// A relay that has claimed one message and handed it to the transport.
relay_machine sending_relay(injected_faults faults) {
  relay_machine relay({}, 1, faults);
  const auto now = steady_time(1h);
  relay.on(now, {.event = relay_event::started, .reason = {}});
  claim rows{.token = "t1", .rows = {}};
  rows.rows.push_back({.sequence = 1, .message = {}});
  rows.rows.front().message.id = "m1";
  relay.on(now, {.event = relay_event::claimed, .reason = {}, .rows = std::move(rows)});
  return relay;
}

TEST(invariants, of_a_relay_find_a_row_that_is_marked_before_its_confirm) {
  EXPECT_EQ(sending_relay({}).check(), "");
  EXPECT_EQ(sending_relay({.mark_before_confirm = true}).check(), "a row is marked only after its confirm");
}

TEST(invariants, of_a_relay_find_a_timer_that_is_not_armed_again) {
  for (const bool forgets : {false, true}) {
    relay_machine relay({}, 1, {.timer_not_armed_again = forgets});
    relay.on(steady_time(1h), {.event = relay_event::started, .reason = {}});
    relay.on(steady_time(1h), {.event = relay_event::claimed, .reason = {}});
    EXPECT_EQ(relay.check(), forgets ? "a relay that waits for no answer is woken by its timer" : "");
  }
}

TEST(invariants, hold_in_a_throttle_and_a_subscription_after_any_events) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::minstd_rand random(seed);
    throttle_machine throttle(1 + random() % 9, static_cast<int>(random() % 5));
    subscription_machine subscription(seed);
    steady_time now(1h);
    for (int step = 0; step < 200; ++step) {
      now += std::chrono::milliseconds(random() % 3000);
      throttle.on(static_cast<throttle_event>(random() % 4), now);
      ASSERT_EQ(throttle.check(), "") << "seed " << seed << " step " << step;
      subscription.on(static_cast<subscription_event>(random() % (step < 150 ? 8 : 10)), now);
      ASSERT_EQ(subscription.check(), "") << "seed " << seed << " step " << step;
    }
  }
}

TEST(invariants_death_test, one_that_does_not_hold_ends_the_process_with_a_line_that_names_it) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(detail::require_invariants("relay_machine", "a row is marked only after its confirm"),
               "relay_machine: an invariant does not hold: a row is marked only after its confirm");
  detail::require_invariants("relay_machine", "");
}

}  // namespace
