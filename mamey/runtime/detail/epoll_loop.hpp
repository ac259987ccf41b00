#pragma once

/// @file
/// The loop of a running process: one thread on epoll.

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/watchdog.hpp>

namespace mamey::inline v1::detail {

struct runtime_core;

class epoll_loop final : public event_loop::state {
 public:
  explicit epoll_loop(runtime_core& process);
  ~epoll_loop() override;

  /// The loop's thread, until the process stops and no fiber is left anywhere.
  void run_until_stopped();

  steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }
  wall_time wall_now() const noexcept override;
  std::uint64_t random() noexcept override;
  void watch(int descriptor, event_loop::watcher& target) override;
  void watch_input(int descriptor, event_loop::watcher& target) override;
  void unwatch(int descriptor) noexcept override;
  void call_readable_again(int descriptor) override;
  void run_blocking(function_view call) override;
  std::size_t fiber_capacity_left() noexcept override;
  void interrupt_sleep() noexcept override;
  std::chrono::nanoseconds take_worst_lag() noexcept override;
  void became_empty() noexcept override;
  std::uint64_t stalls() const noexcept override { return stalls_.load(std::memory_order_relaxed); }

  // For the watchdog, on its thread.
  stall_watch::glance glance() const noexcept {
    return {round_start_.load(std::memory_order_relaxed), working.turns.load(std::memory_order_relaxed)};
  }
  std::string what_runs();                             ///< for people: the fiber and what it does
  std::chrono::nanoseconds cpu_time() const noexcept;  ///< of the loop's thread
  void count_stall() noexcept { stalls_.fetch_add(1, std::memory_order_relaxed); }

 private:
  /// A slot a descriptor; the generation tells an event for its former owner from one for the present.
  struct watched {
    event_loop::watcher* target = nullptr;
    std::uint32_t generation = 0;
  };

  bool may_end() noexcept;
  void watch(int descriptor, event_loop::watcher& target, std::uint32_t events);
  void start_what_waits();
  void run_what_is_ready();
  void wait_for_events();
  int sleep_span() noexcept;
  void deliver(std::uint64_t tag, std::uint32_t events);
  void deliver_again();
  bool present(std::uint64_t tag) const noexcept;
  void note_lag(steady_time round_end) noexcept;

  runtime_core& process_;
  int epoll_ = -1;
  int wake_ = -1;  ///< an eventfd
  std::vector<watched> watched_;
  std::vector<std::uint64_t> again_, delivering_again_;
  steady_time stop_seen_{};
  steady_time trimmed_{};
  steady_time told_of_want_{};
  std::uint64_t random_state_;
  std::atomic<std::int64_t> round_start_{0};  ///< nanoseconds on the steady clock; 0 while asleep
  std::atomic<std::int64_t> worst_lag_{0};
  std::atomic<std::uint64_t> stalls_{0};
  std::atomic<clockid_t> cpu_clock_{CLOCK_MONOTONIC};  ///< of the loop's thread, once it runs
};

}  // namespace mamey::inline v1::detail
