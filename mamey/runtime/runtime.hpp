#pragma once

/// @file
/// For services.
/// Event loops and their fibers: a handler is a plain function that may wait.
///
/// N loops (default: cores), each one thread; one more, the system loop, for broker connections, leases and health, which runs no user
/// handler. A fiber stays on its loop, so data that only one loop uses needs no lock.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/runtime/detail/function_view.hpp>
#include <mamey/runtime/detail/result_slot.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// Section `runtime`.
struct runtime_options {
  int threads = 0;            ///< number of loops; 0: one per core
  int blocking_threads = 16;  ///< maximum number of threads for `run_blocking`
  std::size_t blocking_queue =
      10'000;  ///< maximum number of calls that wait for a blocking thread; beyond it `run_blocking` throws `unavailable`
  std::size_t max_fibers = 10'000;  ///< maximum number of fibers; beyond it servers refuse requests (see `fiber_capacity_left`)
  std::chrono::milliseconds stall_warning{
      1'000};  ///< a loop that runs one thing for this time is logged, with the name of its work; 0: never

  static constexpr auto rules() { return all(field<&runtime_options::stall_warning>.zero_is_none()); }
};

/// Owns the loops' threads. One per process outside tests.
class runtime {
 public:
  explicit runtime(const runtime_options& options = {});
  ~runtime();  ///< stops the loops and joins their threads; fibers still alive are a programming error and abort with their names
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  std::size_t loops() const noexcept;
  event_loop& loop(std::size_t index) noexcept;
  event_loop& system_loop() noexcept;

  /// Runs `body` as a fiber on the first loop, blocks the calling thread (which must not be a loop) until it is done, and returns its
  /// result or throws its exception.
  template <class Body>
  std::invoke_result_t<Body> run(Body&& body) {
    return run_on(loop(0), std::forward<Body>(body));
  }
  /// The same on a chosen loop.
  template <class Body>
  std::invoke_result_t<Body> run_on(event_loop& loop, Body&& body) {
    detail::result_slot<std::invoke_result_t<Body>> result;
    call_on(loop, [&] { result.fill(std::forward<Body>(body)); });
    return result.take();
  }

 private:
  struct state;
  void call_on(event_loop& loop, detail::function_view body);
  std::unique_ptr<state> state_;
};

struct simulation_options {
  std::uint64_t seed =
      1;  ///< decides which of the ready fibers runs next, and the random numbers of the framework (jitter, ids of traces); ids of messages stay unique
  std::uint64_t max_steps =
      10'000'000;  ///< a `run` or `advance` that takes more steps throws std::logic_error: some work repeats without end
};

/// A runtime without threads, for tests: one loop, driven by the caller. Time stands still while a fiber is ready, then it jumps to the
/// next timer. Equal seeds give equal schedules. No sockets.
class simulated_runtime {
 public:
  explicit simulated_runtime(const simulation_options& options = {});
  ~simulated_runtime();
  simulated_runtime(const simulated_runtime&) = delete;
  simulated_runtime& operator=(const simulated_runtime&) = delete;

  event_loop& loop() noexcept;
  /// Runs `body` as a fiber and everything it starts until it is done. Throws its exception, or std::logic_error when every fiber waits for
  /// ever ("deadlock", with their names).
  template <class Body>
  std::invoke_result_t<Body> run(Body&& body) {
    detail::result_slot<std::invoke_result_t<Body>> result;
    call([&] { result.fill(std::forward<Body>(body)); });
    return result.take();
  }
  /// Lets everything run for `span` of virtual time. Callable from outside a fiber only. Throws std::logic_error past `max_steps`; the
  /// clock then shows the time that was reached.
  void advance(std::chrono::nanoseconds span);
  /// Moves the wall clock by `span` (negative: back); the steady clock does not notice.
  void jump_wall_clock(std::chrono::microseconds span);
  /// Ends every fiber where it is suspended, as the death of the process would. An exception that is not a std::exception unwinds its
  /// stack, and each further suspension point throws it again. Pending callbacks and timers are dropped. Destructors run; those that must
  /// not act in a crash (send, commit) check `crashing()`. Callable from outside a fiber only; afterwards the runtime is empty and can be
  /// used again.
  void crash();
  /// Whether the current fiber is being ended by `crash`.
  static bool crashing() noexcept;
  /// Runs one ready fiber up to its next suspension point, or one ready callback. False when nothing is ready at the current time. Together
  /// with `crash`, a test can end a schedule at any suspension point. Callable from outside a fiber only.
  bool step();
  /// The number of steps since the start.
  std::uint64_t steps() const noexcept;

 private:
  struct state;
  void call(detail::function_view body);
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
