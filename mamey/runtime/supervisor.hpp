#pragma once

/// @file
/// For features and services.
/// Background loops that survive an exception.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

struct supervised_status {
  std::string name;
  enum class state_type : std::uint8_t { running, backing_off, stopped } state = state_type::running;
  std::uint64_t restarts = 0;
  std::string last_error;
};

/// Restarts each function with back-off (100 ms doubling to 30 s, jittered, reset after a minute of health) when it throws; a normal return
/// ends it.
class supervisor {
 public:
  /// `report` is called for each failure.
  explicit supervisor(event_loop& loop, std::function<void(const supervised_status&)> report = {});
  /// In a fiber: cancels what still runs and waits for its end. What does not end within 30 s ends the process, with its name. On a plain
  /// thread `stop` must have returned, or the loop must have ended.
  ~supervisor();
  void start(std::string_view name, std::function<void()> body);
  /// Cancels all and waits until each has ended, newest first, for at most `grace`; false if one did not end.
  bool stop(std::chrono::nanoseconds grace);
  std::vector<supervised_status> status() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
