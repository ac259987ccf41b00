#pragma once

/// @file
/// For providers and the framework.
/// Notices messages that other processes put into durable queues: it polls often after a change, then less and less often.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace mamey::inline v1 {

class queue_poller {
 public:
  /// A value that changes with each publish, read from the database on the poller's thread; nullopt: no other process can publish. May
  /// throw.
  using look = std::function<std::optional<std::int64_t>()>;

  /// `longest`: time between two checks, while nothing changes.
  queue_poller(look version, std::chrono::milliseconds longest) : look_(std::move(version)), longest_interval_(longest) {}

  /// Calls `wake` from now on: at once for `notify`, after a `notify_after`, when the version has changed, and once per second in any case.
  /// An empty function ends this. When the call returns, the old function is not running any more.
  void set(std::function<void()> wake);
  void notify();
  void notify_after(std::chrono::milliseconds delay);

 private:
  using clock = std::chrono::steady_clock;
  void loop(const std::stop_token& stop);
  bool has_changed();
  bool sleep(const std::stop_token& stop, clock::time_point until);

  const look look_;
  const std::chrono::milliseconds longest_interval_;
  std::mutex wake_mutex_;  ///< held during the call
  std::function<void()> wake_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<clock::time_point> next_due_;  ///< the earliest delay that is running

  std::optional<std::int64_t> seen_version_;  ///< the thread's
  std::jthread thread_;
};

}  // namespace mamey::inline v1
