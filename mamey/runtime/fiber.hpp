#pragma once

/// @file
/// Waiting, and structured concurrency. Everything works outside a fiber too (main, a unit test): there it simply blocks the thread.

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// Suspends for at least `span`. Throws `deadline_exceeded` or `cancelled` when the ambient context says so.
void sleep_for(std::chrono::nanoseconds span);
void sleep_until(steady_time when);
/// Lets others run.
void yield();

/// True inside a fiber.
bool in_fiber() noexcept;
/// How many more fibers this process may start before servers should shed.
std::size_t fiber_capacity_left() noexcept;

/// Children that end before their scope does. Created by `with_scope`, whose end joins them.
class task_scope {
 public:
  /// Starts a child on the current loop (outside a fiber: on a thread of its own). Its first exception cancels its siblings and leaves `with_scope`.
  void spawn(std::string_view name, std::function<void()> body);
  /// Starts a child on another loop.
  void spawn_on(event_loop& loop, std::string_view name, std::function<void()> body);
  /// Cancels every child: their next suspension point throws `cancelled`.
  void cancel();

  struct state;
  explicit task_scope(std::shared_ptr<state> state) : state_(std::move(state)) {}
  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;

 private:
  friend void with_scope(const std::function<void(task_scope&)>& body);
  std::shared_ptr<state> state_;
};

/// Runs `body`, then waits for every child it spawned; rethrows the first exception of body or child. If body throws, children are cancelled first.
void with_scope(const std::function<void(task_scope&)>& body);

/// Runs all functions concurrently and returns their results as a tuple (void becomes std::monostate); the first exception cancels the rest and is rethrown.
template <class... Functions>
auto when_all(Functions&&... functions);

/// Runs `body` on the bounded pool for calls that block the thread; the fiber waits, masked: the call is always joined. Carries the ambient context.
/// Waits for a free thread under the deadline. In place on a pool thread and outside fibers. Throws what `body` throws, `unavailable` when the queue is full.
template <class Body>
std::invoke_result_t<Body> run_blocking(Body&& body);

/// While one is alive, suspension points of this fiber ignore deadline and cancellation, up to a grace span of their own (then they throw as usual).
/// For commit, rollback, settling and the like.
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

}  // namespace mamey::inline v1
