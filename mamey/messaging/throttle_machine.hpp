#pragma once

/// @file
/// How many handlers of a subscription may run at once: all while things go well, one when everything fails, so that a dependency that is
/// away is asked gently and the retries' rows do not pile up. And pausing while the module's own store is away.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

enum class throttle_state : std::uint8_t { open, single, recovering };
enum class throttle_event : std::uint8_t { succeeded, failed_transient, failed_permanent, store_down };

class throttle_machine {
 public:
  /// `after`: transient failures in a row, none succeeding between, that make it single.
  throttle_machine(std::size_t full, int after) noexcept : full_(full), after_(after), permitted_(full) {}

  void on(throttle_event event, steady_time now) noexcept;
  /// How many may run at `now`; 0: nothing before `resume_at`.
  std::size_t permitted(steady_time now) const noexcept { return now < resume_at_ ? 0 : permitted_; }
  steady_time resume_at() const noexcept { return resume_at_; }
  throttle_state state() const noexcept { return state_; }

 private:
  void hold(steady_time now) noexcept;

  std::size_t full_;
  int after_;
  int failures_ = 0;
  throttle_state state_ = throttle_state::open;
  std::size_t permitted_;
  steady_time resume_at_ = steady_time::min();
  std::chrono::milliseconds hold_{};
};

}  // namespace mamey::inline v1
