#pragma once

/// @file
/// For the framework.
/// Hears of the waits of a fiber that should not wait: while its transaction is open, a wait holds locks and a connection. The wait points of
/// services report here (sleep_for, mutex, semaphore, condition, channel, HTTP client), and not the sockets of drivers.

#include <exception>
#include <string_view>

namespace mamey::inline v1 {

class wait_watch {
 public:
  virtual ~wait_watch() = default;
  /// The fiber is about to wait: `sleep_for`, or `an HTTP call of ` with `pricing` as the object. On the fiber; must not suspend.
  /// Returns what the wait point throws instead of waiting, where it may throw; null: it waits.
  virtual std::exception_ptr waits(std::string_view what, std::string_view object) noexcept = 0;
};

/// While the object exists, waits of this fiber (outside a fiber: of this thread) are reported to `watch`; null: to nobody. An inner object
/// replaces an outer one. Child fibers are not watched.
class watched_waits {
 public:
  explicit watched_waits(wait_watch* watch) noexcept;
  ~watched_waits();
  watched_waits(const watched_waits&) = delete;
  watched_waits& operator=(const watched_waits&) = delete;

 private:
  wait_watch* previous_;
};

/// Called by a wait point before it waits. Throws what the watch returns, but not in a masked_section, nor while an exception is in flight.
void report_wait(std::string_view what, std::string_view object = {});

}  // namespace mamey::inline v1
