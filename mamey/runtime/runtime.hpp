#pragma once

/// @file
/// Event loops and the fibers on them: a handler is a plain function that may wait.
///
/// N loops (default: cores), each one thread; one more, the system loop, for broker connections, leases and health, which runs no user handler.
/// A fiber stays on its loop for life, so what only one loop touches needs no lock.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include <mamey/runtime/detail/function_view.hpp>
#include <mamey/runtime/detail/result_slot.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// Section `runtime`.
struct runtime_options {
  int threads = 0;                        ///< loops; 0: one a core
  int blocking_threads = 16;              ///< most threads of `run_blocking`
  std::size_t blocking_queue = 10'000;    ///< most calls waiting for a blocking thread; beyond it `run_blocking` throws `unavailable`
  std::size_t max_fibers = 10'000;        ///< most fibers alive; beyond it servers shed (see `fiber_capacity_left`)
};

/// Owns the loops' threads. One a process outside tests.
class runtime {
 public:
  explicit runtime(const runtime_options& options = {});
  ~runtime();  ///< stops the loops and joins their threads; fibers still alive are a programming error and abort with their names
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  std::size_t loops() const noexcept;
  event_loop& loop(std::size_t index) noexcept;
  event_loop& system_loop() noexcept;

  /// Runs `body` as a fiber on the first loop, blocks the calling thread (which must not be a loop) until it is done, and returns or throws what it does.
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
  std::uint64_t seed = 1;                                  ///< decides which of the ready fibers runs next
  std::uint64_t max_steps = 10'000'000;                    ///< a schedule that runs longer throws: something spins
};

/// A runtime without threads for tests: one loop, driven by the caller; time stands still until nothing is ready, then jumps to the next timer.
/// Equal seeds give equal schedules. No sockets.
class simulated_runtime {
 public:
  explicit simulated_runtime(const simulation_options& options = {});
  ~simulated_runtime();
  simulated_runtime(const simulated_runtime&) = delete;
  simulated_runtime& operator=(const simulated_runtime&) = delete;

  event_loop& loop() noexcept;
  /// Runs `body` as a fiber and everything it starts until it is done. Throws what it throws, or std::logic_error when every fiber waits for ever ("deadlock", naming them).
  template <class Body>
  std::invoke_result_t<Body> run(Body&& body) {
    detail::result_slot<std::invoke_result_t<Body>> result;
    call([&] { result.fill(std::forward<Body>(body)); });
    return result.take();
  }
  /// Lets everything run for `span` of virtual time. Callable from outside a fiber only.
  void advance(std::chrono::nanoseconds span);
  /// Moves the wall clock by `span` (negative: back); the steady clock does not notice.
  void jump_wall_clock(std::chrono::microseconds span);
  /// Ends every fiber where it is suspended, as the death of the process would: something that is no std::exception unwinds its stack, each further
  /// suspension point throws it again, and callbacks and timers still to come are dropped. Destructors run, so what they must not do in a crash
  /// (send, commit) has to ask for `crashing()`. Callable from outside a fiber only; afterwards the runtime is empty and can be used again.
  void crash();
  /// Whether the current fiber is being ended by `crash`.
  static bool crashing() noexcept;
  /// Runs one thing that is ready: a fiber up to its next suspension point, or a callback. False when nothing is ready at the present time. With
  /// `crash` it ends a schedule at any suspension point. Callable from outside a fiber only.
  bool step();
  /// How many times something ran since the start.
  std::uint64_t steps() const noexcept;

 private:
  struct state;
  void call(detail::function_view body);
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
