#include <mamey/messaging/subscription_machine.hpp>

#include <algorithm>

#include <mamey/core/invariants.hpp>

namespace mamey::inline v1 {

namespace {
constexpr std::chrono::milliseconds shortest_pause{100};
constexpr std::chrono::milliseconds longest_pause{10'000};
constexpr std::chrono::milliseconds pace_of_waiting{250};
}  // namespace

subscription_step subscription_machine::on(subscription_event event, steady_time now, std::chrono::milliseconds pause_for) {
  using enum subscription_event;
  const detail::invariants_after asserted(*this, "subscription_machine");
  if (state_ == subscription_state::stopped) return subscription_step::none;
  if (state_ == subscription_state::draining) {
    if (event != drained) return subscription_step::none;
    state_ = subscription_state::stopped;
    return subscription_step::close;
  }
  if (state_ == subscription_state::paused && event != stop) return while_paused(event, now);
  switch (event) {
    case start:
    case timer:
      if (state_ == subscription_state::consuming || state_ == subscription_state::connecting) return subscription_step::none;
      if (event == timer && now < retry_at_) return subscription_step::wait;
      state_ = subscription_state::connecting;
      return subscription_step::subscribe;
    case subscribed:
      if (state_ != subscription_state::connecting) return subscription_step::none;  // lost again before we heard that it was there
      [[fallthrough]];
    case consumer_resumed:
      state_ = subscription_state::consuming;
      pause_ = shortest_pause;
      return subscription_step::none;
    case subscribe_failed:
      return retry(subscription_state::closed, now);
    case exchange_awaited:
      state_ = subscription_state::closed;
      retry_at_ = now + pace_of_waiting;
      return subscription_step::wait;
    case consumer_cancelled:
      return retry(subscription_state::cancelled_by_broker, now);
    case channel_closed:
      return retry(subscription_state::closed, now);
    case stop:
      state_ = subscription_state::draining;
      return subscription_step::cancel;
    case pause:
      if (faults_.pause_forgotten) return subscription_step::none;
      state_ = subscription_state::paused;
      retry_at_ = pause_for.count() > 0 ? now + pause_for : steady_time::max();
      return subscription_step::hold;
    case resume:
    case drained:
      return subscription_step::none;
  }
  return subscription_step::none;
}

/// What the transport tells of a consumer that was let go does not matter. The first reason for a pause decides how long it lasts.
subscription_step subscription_machine::while_paused(subscription_event event, steady_time now) {
  const bool over = event == subscription_event::timer && now >= retry_at_;
  if (event != subscription_event::resume && !over) return subscription_step::none;
  state_ = subscription_state::connecting;
  retry_at_ = steady_time::max();
  pause_ = shortest_pause;
  return subscription_step::subscribe;
}

std::string_view subscription_machine::check() const {
  if (pause_ < shortest_pause || pause_ > longest_pause) return "pauses stay between the shortest and the longest";
  if (state_ == subscription_state::consuming && pause_ != shortest_pause)
    return "a consumer that works begins its next trouble with the shortest pause";
  if (state_ == subscription_state::cancelled_by_broker && reconnects_ == 0) return "a cancelled consumer is tried again";
  if (state_ == subscription_state::cancelled_by_broker && retry_at_ == steady_time::max())
    return "a cancelled consumer has a time when it is tried again";
  return {};
}

subscription_step subscription_machine::retry(subscription_state state, steady_time now) {
  state_ = state;
  ++reconnects_;
  retry_at_ = now + pause_ + std::chrono::milliseconds(random_() % static_cast<std::uint32_t>(pause_.count() / 5 + 1));
  pause_ = std::min(pause_ * 2, longest_pause);
  return subscription_step::wait;
}

const char* name_of(subscription_state state) noexcept {
  switch (state) {
    case subscription_state::connecting:
      return "connecting";
    case subscription_state::consuming:
      return "consuming";
    case subscription_state::cancelled_by_broker:
      return "cancelled";
    case subscription_state::closed:
      return "closed";
    case subscription_state::draining:
      return "draining";
    case subscription_state::stopped:
      return "stopped";
    case subscription_state::paused:
      return "paused";
    case subscription_state::when_due:
      return "when due";
  }
  return "?";
}

}  // namespace mamey::inline v1
