#include <gtest/gtest.h>

#include <mamey/messaging/subscription_machine.hpp>
#include <mamey/messaging/throttle_machine.hpp>

namespace mamey {
namespace {

using namespace std::chrono_literals;
using enum throttle_event;

constexpr steady_time start{std::chrono::hours(1)};

throttle_machine failing(int times) {
  throttle_machine machine(8, 4);
  for (int i = 0; i < times; ++i) machine.on(failed_transient, start);
  return machine;
}

TEST(throttle, failures_with_successes_between_change_nothing) {
  throttle_machine machine(8, 4);
  for (int i = 0; i < 20; ++i) machine.on(i % 4 == 3 ? succeeded : failed_transient, start);
  EXPECT_EQ(machine.state(), throttle_state::open);
  EXPECT_EQ(machine.permitted(start), 8U);
}

TEST(throttle, when_everything_fails_one_runs_at_a_time_after_a_pause) {
  const auto machine = failing(4);
  EXPECT_EQ(machine.state(), throttle_state::single);
  EXPECT_EQ(machine.permitted(start), 0U);
  EXPECT_EQ(machine.permitted(start + 100ms), 1U);
}

TEST(throttle, the_pause_grows_to_its_bound_while_failures_last) {
  auto machine = failing(4);
  auto now = start;
  for (int i = 0; i < 12; ++i) {
    now = machine.resume_at();
    machine.on(failed_transient, now);
  }
  EXPECT_EQ(machine.resume_at() - now, 5s);
}

TEST(throttle, successes_open_it_again_step_by_step) {
  auto machine = failing(4);
  const auto now = start + 1s;
  machine.on(succeeded, now);
  EXPECT_EQ(machine.state(), throttle_state::recovering);
  EXPECT_EQ(machine.permitted(now), 2U);
  machine.on(succeeded, now);
  machine.on(succeeded, now);
  EXPECT_EQ(machine.state(), throttle_state::open);
  EXPECT_EQ(machine.permitted(now), 8U);
}

TEST(throttle, a_failure_while_recovering_is_one_too_many) {
  auto machine = failing(4);
  machine.on(succeeded, start + 1s);
  machine.on(failed_transient, start + 1s);
  EXPECT_EQ(machine.state(), throttle_state::single);
}

TEST(throttle, permanent_errors_do_not_count) {
  throttle_machine machine(8, 4);
  for (int i = 0; i < 100; ++i) machine.on(failed_permanent, start);
  EXPECT_EQ(machine.permitted(start), 8U);
}

TEST(throttle, a_store_that_is_away_stops_the_subscription_at_once) {
  throttle_machine machine(8, 4);
  machine.on(store_down, start);
  EXPECT_EQ(machine.permitted(start), 0U);
}

// -- supervision of a subscription ------------------------------------------------------------------------------------------

using state = subscription_state;
using event = subscription_event;
using step = subscription_step;

struct transition {
  std::vector<event> before;
  event what;
  step does;
  state leads_to;
};

const std::vector<transition> transitions{
    {{}, event::start, step::subscribe, state::connecting},
    {{event::start}, event::start, step::none, state::connecting},
    {{event::start}, event::subscribed, step::none, state::consuming},
    {{event::start}, event::subscribe_failed, step::wait, state::closed},
    {{event::start}, event::exchange_awaited, step::wait, state::closed},
    {{event::start, event::exchange_awaited}, event::timer, step::subscribe, state::connecting},
    {{event::start, event::subscribed}, event::consumer_cancelled, step::wait, state::cancelled_by_broker},
    {{event::start, event::subscribed}, event::channel_closed, step::wait, state::closed},
    {{event::start, event::subscribed, event::channel_closed}, event::consumer_resumed, step::none, state::consuming},
    {{event::start, event::subscribed, event::consumer_cancelled}, event::timer, step::subscribe, state::connecting},
    {{event::start, event::channel_closed}, event::subscribed, step::none, state::closed},
    {{event::start, event::subscribed}, event::timer, step::none, state::consuming},
    {{event::start, event::subscribed}, event::stop, step::cancel, state::draining},
    {{event::start}, event::stop, step::cancel, state::draining},
    {{event::start, event::subscribed, event::stop}, event::channel_closed, step::none, state::draining},
    {{event::start, event::subscribed, event::stop}, event::subscribed, step::none, state::draining},
    {{event::start, event::subscribed, event::stop}, event::drained, step::close, state::stopped},
    {{event::start, event::subscribed, event::stop, event::drained}, event::start, step::none, state::stopped},
};

TEST(subscription_machine, every_way_out_of_consuming_leads_back_or_to_the_end) {
  for (const auto& each : transitions) {
    subscription_machine machine(1);
    auto now = start;
    for (const auto earlier : each.before) machine.on(earlier, now);
    if (each.what == event::timer) now = start + 1min;
    EXPECT_EQ(machine.on(each.what, now), each.does) << name_of(each.leads_to);
    EXPECT_EQ(machine.state(), each.leads_to) << name_of(each.leads_to);
  }
}

TEST(subscription_machine, it_looks_for_an_exchange_at_an_even_pace) {
  subscription_machine machine(1);
  machine.on(event::start, start);
  auto now = start;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(machine.on(event::exchange_awaited, now), step::wait);
    EXPECT_LE(machine.retry_at() - now, 250ms) << "what is published before it looks again is lost to it";
    now = machine.retry_at();
    EXPECT_EQ(machine.on(event::timer, now), step::subscribe);
  }
  EXPECT_EQ(machine.reconnects(), 0U);
}

TEST(subscription_machine, it_waits_longer_after_each_failure_and_forgets_after_a_success) {
  subscription_machine machine(1);
  machine.on(event::start, start);
  std::chrono::nanoseconds last{};
  auto now = start;
  for (int i = 0; i < 6; ++i) {
    machine.on(event::subscribe_failed, now);
    EXPECT_GT(machine.retry_at() - now, last);
    last = machine.retry_at() - now;
    EXPECT_EQ(machine.on(event::timer, now), step::wait) << "too early";
    now = machine.retry_at();
    EXPECT_EQ(machine.on(event::timer, now), step::subscribe);
  }
  machine.on(event::subscribed, now);
  machine.on(event::channel_closed, now);
  EXPECT_LT(machine.retry_at() - now, 200ms);
  EXPECT_EQ(machine.reconnects(), 7U);
}

}  // namespace
}  // namespace mamey
