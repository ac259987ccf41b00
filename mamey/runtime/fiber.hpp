#pragma once

/// @file
/// For services.
/// Waiting, and structured concurrency. Everything works outside a fiber too (main, a unit test): there it simply blocks the thread.

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <mamey/core/time.hpp>
#include <mamey/runtime/detail/function_view.hpp>
#include <mamey/runtime/detail/result_slot.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

// Every function below that may wait is a suspension point: it throws `deadline_exceeded` or `cancelled` when the ambient context says so,
// even if it would not have to wait. While an exception is in flight (in destructors that run because of it) it does not throw, and waits.
// Other destructors use a `masked_section`, because they may not throw. A suspension point must not be reached under a held std::mutex, in
// the initialiser of a function-local static or in the callback of a C library: other fibers of the thread would see its unfinished state.
// Debug builds abort there (`detail/suspension_checks.hpp`).

/// Suspends for at least `span`. Throws `deadline_exceeded` or `cancelled` when the ambient context says so.
void sleep_for(std::chrono::nanoseconds span);
template <std::integral Representation, class Period>
void sleep_for(std::chrono::duration<Representation, Period> span) {
  sleep_for(saturating_cast<std::chrono::nanoseconds>(span));
}
void sleep_until(steady_time when);
/// Lets other fibers run.
void yield();

/// True inside a fiber.
bool in_fiber() noexcept;
/// How many more fibers this loop may start before servers should refuse work: bounded by `max_fibers` and the memory for stacks. A start beyond
/// this number waits.
std::size_t fiber_capacity_left() noexcept;

/// Child fibers. `with_scope` creates the scope, and its end joins all children.
class task_scope {
 public:
  /// Starts a child on the current loop (outside a fiber: on a thread of its own). Its first exception cancels its siblings and leaves
  /// `with_scope`.
  void spawn(std::string_view name, std::function<void()> body);
  /// Starts a child on another loop.
  void spawn_on(event_loop& loop, std::string_view name, std::function<void()> body);
  /// Cancels every child: their next suspension point throws `cancelled`.
  void cancel();

  struct state;
  explicit task_scope(std::shared_ptr<state> shared) : state_(std::move(shared)) {}
  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;

 private:
  friend void with_scope(const std::function<void(task_scope&)>& body);
  std::shared_ptr<state> state_;
};

/// Runs `body`, then waits for every child it spawned; rethrows the first exception of body or child. If body throws, children are
/// cancelled first.
void with_scope(const std::function<void(task_scope&)>& body);

namespace detail {

void run_blocking(function_view call);

template <class Result>
using result_of_all = std::conditional_t<std::is_void_v<Result>, std::monostate, std::remove_cvref_t<Result>>;

template <class Function>
auto call_for_value(Function& function) -> result_of_all<std::invoke_result_t<Function&>> {
  if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
    function();
    return {};
  } else {
    return function();
  }
}

template <class... Functions, std::size_t... Index>
auto when_all(std::index_sequence<Index...>, Functions&... functions) {
  std::tuple<result_slot<result_of_all<std::invoke_result_t<Functions&>>>...> results;
  with_scope([&](task_scope& scope) {
    (scope.spawn("when_all", [&] { std::get<Index>(results).fill([&] { return call_for_value(functions); }); }), ...);
  });
  return std::tuple<result_of_all<std::invoke_result_t<Functions&>>...>(std::get<Index>(results).take()...);
}

}  // namespace detail

/// Runs all functions concurrently and returns their results as a tuple (void becomes std::monostate); the first exception cancels the rest
/// and is rethrown.
template <class... Functions>
auto when_all(Functions&&... functions) {
  return detail::when_all(std::index_sequence_for<Functions...>{}, functions...);
}

/// Runs `body` on the bounded pool for calls that block the thread. `body` has the ambient context. The fiber waits, masked: the call is
/// always joined. The wait for a free thread is bounded by the deadline. On a pool thread and outside fibers, `body` runs in place; in a
/// simulation too, between two points where other fibers may run. Throws the exceptions of `body`, and `unavailable` when the queue is
/// full.
template <class Body>
std::invoke_result_t<Body> run_blocking(Body&& body) {
  detail::result_slot<std::invoke_result_t<Body>> result;
  detail::run_blocking([&] { result.fill(std::forward<Body>(body)); });
  return result.take();
}

/// While such an object exists, suspension points of this fiber ignore deadline and cancellation, for at most the grace span (then they
/// throw as usual). For work that must finish: commit, rollback, settling.
class masked_section {
 public:
  explicit masked_section(std::chrono::nanoseconds grace = std::chrono::seconds(30));
  ~masked_section();
  masked_section(const masked_section&) = delete;
  masked_section& operator=(const masked_section&) = delete;

 private:
  bool previous_ = false;
  steady_time previous_limit_{};
};

/// Names the work of the current fiber while the object exists: `handler create_order`. The warning about a loop that stands still shows
/// it. Cut at 63 bytes; an inner name hides an outer one. No effect outside a fiber.
class activity {
 public:
  explicit activity(std::string_view what) noexcept;
  ~activity();
  activity(const activity&) = delete;
  activity& operator=(const activity&) = delete;

 private:
  void show(std::string_view what) noexcept;
  char previous_[64];
};

}  // namespace mamey::inline v1
