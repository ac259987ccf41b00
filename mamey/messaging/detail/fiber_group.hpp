#pragma once

/// @file
/// Fibers of one owner on any loops, joined by it.

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

class fiber_group {
 public:
  fiber_group();
  ~fiber_group();  ///< as `end`
  /// In a fiber: cancels what still runs and waits for its end. What does not end within 30 s ends the process.
  void end() noexcept;
  /// Any thread. The fiber starts with an empty ambient context whose cancellation is the group's; an exception that leaves `body` is
  /// logged.
  void start(event_loop& loop, std::string_view name, std::function<void()> body);
  /// The next suspension point of each throws `cancelled`.
  void cancel() noexcept;
  /// Waits until all have ended, at most `grace`; false when some have not.
  bool join(std::chrono::nanoseconds grace);

 private:
  struct state;
  class membership;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1::detail
