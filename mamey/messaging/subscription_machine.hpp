#pragma once

/// @file
/// For the framework.
/// The states of a subscription. Health and metrics show them, so a subscription that does not consume is always visible. Every way out of
/// `consuming` leads back to it, but for a pause without an end: an operator ends that.

#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>

#include <mamey/messaging/faults.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

enum class subscription_state : std::uint8_t {
  connecting,  ///< topology is declared and the consumer starts
  consuming,
  cancelled_by_broker,  ///< its queue was deleted; tries again
  closed,               ///< the channel or connection ended, or the start failed; tries again
  draining,             ///< takes nothing new, handlers finish
  stopped,
  paused,    ///< a rule for failures stopped it; handles nothing until it is resumed, or until `retry_at`
  when_due,  ///< without a queue: scheduled commands run from the store
};

enum class subscription_event : std::uint8_t {
  start,
  subscribed,
  subscribe_failed,
  exchange_awaited,  ///< its owner may declare it at any moment, and messages sent before we bind do not reach us: looked for at a fixed interval
  consumer_cancelled,
  channel_closed,
  consumer_resumed,  ///< the transport has resumed the consumer
  timer,
  stop,
  drained,
  pause,   ///< with the time that it lasts
  resume,  ///< by an operator
};

enum class subscription_step : std::uint8_t {
  none,
  subscribe,  ///< declare topology, start the consumer
  wait,       ///< until `retry_at`, then report `timer`
  cancel,     ///< end the consumer, await the handlers, then report `drained`
  close,      ///< settle and let go: the end
  hold,       ///< start no handler, give back what waits, let go of the queue
};

class subscription_machine {
 public:
  explicit subscription_machine(std::uint64_t seed, injected_faults faults = {})
      : random_(static_cast<std::minstd_rand::result_type>(seed % 2147483646 + 1)), faults_(faults) {}

  /// `pause_for` is given with `pause`; 0: until `resume`.
  subscription_step on(subscription_event event, steady_time now, std::chrono::milliseconds pause_for = {});
  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;
  subscription_state state() const noexcept { return state_; }
  steady_time retry_at() const noexcept { return retry_at_; }
  std::uint64_t reconnects() const noexcept { return reconnects_; }

 private:
  subscription_step retry(subscription_state state, steady_time now);
  subscription_step while_paused(subscription_event event, steady_time now);

  subscription_state state_ = subscription_state::closed;
  std::minstd_rand random_;
  injected_faults faults_;
  steady_time retry_at_ = steady_time::max();
  std::chrono::milliseconds pause_{100};
  std::uint64_t reconnects_ = 0;
};

const char* name_of(subscription_state state) noexcept;

}  // namespace mamey::inline v1
