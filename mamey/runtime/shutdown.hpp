#pragma once

/// @file
/// For features and services.
/// The ordered shutdown. Steps register with their stage. SIGTERM and SIGINT start it; a second signal ends the process at once.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

enum class shutdown_stage : std::uint8_t {
  readiness_off,
  deregister,
  drain_delay,
  stop_accepting,
  cancel_consumers,
  finish_in_flight,
  stop_relays,
  flush,
  close_pools
};

class shutdown_plan {
 public:
  shutdown_plan();
  ~shutdown_plan();
  /// Steps of one stage run in the order of registration, in the calling fiber; an exception is reported and the next step runs.
  void add(shutdown_stage stage, std::string_view name, std::function<void()> step);
  /// Runs every stage once, in order. `report` is called for each step after it has ended, with an empty error on success.
  void run(const std::function<void(std::string_view step, const std::string& error)>& report);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Blocks SIGTERM and SIGINT in this thread and in threads that it starts later. Construct it first in main and destroy it last: a second
/// signal ends the process at once only while this object exists. The destructor unblocks the signals in its thread.
class signal_watcher {
 public:
  signal_watcher();
  ~signal_watcher();
  /// Suspends until the first signal, `request()`, or cancellation. From then on a second signal calls `_exit(130)`; one
  /// within half a second after the first is the same (timeout(1) signals the process and its group).
  void wait();
  /// As a signal would.
  void request();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
