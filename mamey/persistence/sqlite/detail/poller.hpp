#pragma once

/// @file
/// Notices what other processes commit to the file: asks often after a change, then ever less often.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

class poller {
 public:
  explicit poller(const sqlite_options& options) : options_(options) {}

  /// Calls `wake` from now on: at once for `notify`, when a `notify_after` is over, when the file has changed, and once a second whatever
  /// happens. An empty one ends that; when the call returns, the old one is not running any more.
  void set(std::function<void()> wake);
  void notify();
  void notify_after(std::chrono::milliseconds delay);

 private:
  using clock = std::chrono::steady_clock;
  void loop(const std::stop_token& stop);
  bool has_changed();
  bool sleep(const std::stop_token& stop, clock::time_point until);

  const sqlite_options options_;
  std::mutex wake_mutex_;  ///< held during the call
  std::function<void()> wake_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<clock::time_point> next_due_;  ///< the earliest delay that is running

  std::unique_ptr<connection> connection_;  ///< the thread's
  std::int64_t seen_version_ = -1;
  std::jthread thread_;
};

}  // namespace mamey::inline v1::sqlite_detail
