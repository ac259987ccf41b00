#pragma once

/// @file
/// For the framework.
/// Decides how many handlers of a subscription may run at the same time: all in normal operation, one when every message fails. So a
/// dependency that is away gets few calls, and delayed retries do not pile up. While the module's own store is away, none runs.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

enum class throttle_state : std::uint8_t { open, single, recovering };
enum class throttle_event : std::uint8_t { succeeded, failed_transient, failed_permanent, store_down };

class throttle_machine {
 public:
  /// `after`: the number of transient failures in a row, without a success between them, after which one handler runs at a time.
  throttle_machine(std::size_t full, int after) noexcept : full_(full), after_(after), permitted_(full) {}

  void on(throttle_event event, steady_time now) noexcept;
  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;
  /// How many may run at `now`; 0: nothing before `resume_at`.
  std::size_t permitted(steady_time now) const noexcept { return now < resume_at_ ? 0 : permitted_; }
  std::size_t full() const noexcept { return full_; }
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
