#pragma once

/// @file
/// Finds loops that do not turn: a fiber that computes, sleeps the thread, or waits for a std::mutex that another fiber of the loop holds.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

class epoll_loop;

/// When to speak of one loop. Pure: time is passed in.
class stall_watch {
 public:
  explicit stall_watch(std::chrono::nanoseconds after) noexcept : after_(after), next_(after) {}

  /// What is seen of a loop.
  struct glance {
    std::int64_t round = 0;   ///< when it woke last; 0: it sleeps
    std::uint64_t turns = 0;  ///< things it has run
  };
  enum class word : std::uint8_t { nothing, stalls, still_stalls, turns_again };
  struct finding {
    word what = word::nothing;
    std::chrono::nanoseconds span{};  ///< how long, at least
  };

  /// `missed`: nobody looked for a while (the whole process stood still), so that nothing is known of it.
  finding look(steady_time now, const glance& seen, bool missed) noexcept;
  /// Whether what the loop runs was first seen then.
  bool begins_at(steady_time moment) const noexcept { return since_ == moment; }

 private:
  std::chrono::nanoseconds after_, next_;
  glance last_;
  std::optional<steady_time> since_;
  bool told_ = false;
};

/// A thread of its own: the system loop may be the one that is stuck.
class watchdog {
 public:
  /// `loops`: the last is the system loop. They outlive this.
  watchdog(const std::vector<epoll_loop*>& loops, std::chrono::nanoseconds after);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

 private:
  struct watched {
    epoll_loop* loop;
    std::string name;
    stall_watch watch;
    std::chrono::nanoseconds cpu_before{};  ///< of its thread, when it was last seen to turn
  };
  void run();
  static void look_at(watched& one, steady_time now, bool missed);

  std::vector<watched> loops_;
  std::chrono::nanoseconds interval_;
  std::mutex guard_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace mamey::inline v1::detail
