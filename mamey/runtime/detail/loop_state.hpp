#pragma once

/// @file
/// What a loop on epoll and the loop of a simulation share: fibers, the ready queue, timers, and the queue other threads post to.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/detail/function_view.hpp>
#include <mamey/runtime/detail/ring.hpp>
#include <mamey/runtime/detail/running_work.hpp>
#include <mamey/runtime/detail/stack_pool.hpp>
#include <mamey/runtime/detail/strand.hpp>
#include <mamey/runtime/detail/timer_heap.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

struct event_loop::state {
  state() = default;
  virtual ~state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  // What the kinds of loop do differently.
  virtual steady_time now() const noexcept = 0;
  virtual wall_time wall_now() const noexcept = 0;
  virtual std::uint64_t random() noexcept = 0;
  virtual void watch(int descriptor, watcher& target) = 0;
  virtual void watch_input(int descriptor, watcher& target) = 0;
  virtual void unwatch(int descriptor) noexcept = 0;
  /// Calls the watcher of the descriptor again, soon, as if the descriptor had become readable just now.
  virtual void call_readable_again(int descriptor) = 0;
  /// Runs the call where blocking harms nobody; the calling fiber waits for its end.
  virtual void run_blocking(detail::function_view call) = 0;
  virtual std::size_t fiber_capacity_left() noexcept = 0;
  /// Ends the loop's sleep. Any thread.
  virtual void interrupt_sleep() noexcept {}
  virtual std::chrono::nanoseconds take_worst_lag() noexcept { return {}; }
  virtual std::uint64_t stalls() const noexcept { return 0; }
  /// The last fiber ended.
  virtual void became_empty() noexcept {}

  // Any thread.
  bool is_current() const noexcept { return detail::here.loop == this; }
  void post(std::function<void()> callback);
  void start(std::string_view name, std::function<void()>&& body, ambient_context&& context);
  void make_ready(detail::fiber& woken) noexcept;

  // Loop thread only.
  std::uint64_t add_timer(steady_time when, std::function<void()> callback);
  bool cancel_timer(std::uint64_t id) noexcept;
  void take_what_others_posted();
  void run_next_callback();
  void run(detail::fiber& target);  ///< until it suspends; frees it when it finished
  /// Starts what waits for a stack, as far as there are any now.
  void launch_waiting();
  bool waits_for_stacks() const noexcept { return !waiting_starts_.empty(); }
  bool has_work() noexcept { return !ready.empty() || !callbacks.empty(); }
  void drop_callbacks_and_timers() noexcept;
  std::string names_of_fibers() const;  ///< "'a', 'b'", for a message

  event_loop* self = nullptr;
  detail::running_work working;
  detail::timer_heap timers;
  detail::ring<detail::fiber*> ready;
  detail::ring<std::function<void()>> callbacks;
  detail::fiber* first_fiber = nullptr;  ///< all that live, the newest first
  bool kills_newcomers = false;          ///< while a simulation crashes
  std::atomic<std::uint64_t> alive{0};   ///< written by the loop's thread only; counts fibers that wait for a stack too
  std::atomic<std::uint64_t> started{0};
  steady_time last_now{};  ///< of this round: cheap, and as old as the round

  detail::stack_pool stacks;

 private:
  struct waiting_start {
    std::string name;
    std::function<void()> body;
    ambient_context context;
  };
  struct callback_timer final : detail::timer_node {
    void expired() override;
    state* owner = nullptr;
    std::uint64_t id = 0;
    std::function<void()> callback;
  };

  void launch(detail::stack& memory, std::string_view name, std::function<void()>&& body, ambient_context&& context);
  void drop_cancelled_starts() noexcept;
  void retire(detail::fiber& gone);
  void reserve_for(std::size_t fibers);
  void free_timer(callback_timer& used) noexcept;

  std::deque<waiting_start> waiting_starts_;  ///< for want of a stack: tried again when a fiber ends or starts, and soon in any case
  std::size_t reserved_ = 0;                  ///< fibers that can wait, time out and be woken without an allocation
  std::deque<callback_timer> callback_timers_;
  std::vector<std::uint32_t> free_timers_;

  std::atomic<bool> others_posted_{false};
  std::mutex posted_guard_;
  std::vector<detail::fiber*> posted_ready_;
  std::vector<std::function<void()>> posted_callbacks_;

 protected:
  /// Under the lock that posting takes: true when nothing was posted, and then the next post calls `interrupt_sleep`.
  bool may_sleep();
  void woke_up() noexcept;
  /// A poster of something already taken is still on its way to wake this loop.
  bool is_being_interrupted() const noexcept { return interrupting_.load(std::memory_order_acquire) != 0; }

 private:
  bool needs_interruption() noexcept;  ///< under posted_guard_; when true, `interrupt` must follow
  void interrupt() noexcept;

  bool sleeping_ = false;  ///< under posted_guard_
  std::atomic<int> interrupting_{0};
};

namespace detail {

/// Makes a loop the calling thread's for as long as it is driven.
class loop_binding {
 public:
  explicit loop_binding(event_loop::state& loop) noexcept : outer_(std::exchange(here.loop, &loop)) { current_strand(); }
  ~loop_binding() { here.loop = outer_; }
  loop_binding(const loop_binding&) = delete;
  loop_binding& operator=(const loop_binding&) = delete;

 private:
  event_loop::state* outer_;
};

}  // namespace detail
}  // namespace mamey::inline v1
