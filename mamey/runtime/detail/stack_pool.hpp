#pragma once

/// @file
/// Stacks for fibers: one mapping each, with a guard below it. A pool belongs to one loop and is not shared between threads.

#include <chrono>
#include <cstddef>
#include <vector>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

/// Memory that grows downwards from `high`; the guard lies below `low`.
struct stack {
  char* mapping = nullptr;  ///< start of the guard
  char* low = nullptr;
  char* high = nullptr;
  void* tsan_fiber = nullptr;  ///< ThreadSanitizer's side of it, kept with the stack because making one is slow and their number limited
  steady_time last_used{};
  bool trimmed = true;  ///< holds no memory beyond its first pages

  std::size_t size() const noexcept { return static_cast<std::size_t>(high - low); }
  bool guards(const void* address) const noexcept { return address >= mapping && address < low; }
};

class stack_pool {
 public:
  stack_pool() = default;
  ~stack_pool();
  stack_pool(const stack_pool&) = delete;
  stack_pool& operator=(const stack_pool&) = delete;

  /// Null when the process has as many stacks as it may (`stack_limit`), or the system refuses the memory for another.
  stack* take() noexcept;
  /// How many `take` could give now: those that rest here, and those that the process may still map. A few are mapped ahead, so that the
  /// answer does not rest on hope.
  std::size_t available() noexcept;
  /// The most recently used is taken first.
  void give(stack* returned, steady_time now) noexcept;
  /// Gives memory back: the pages of stacks that rested for a second, the whole of those that rested for ten (a few stay). While another
  /// pool was refused a stack just now, the whole of all but those few.
  void trim(steady_time now) noexcept;
  bool needs_trimming() const noexcept { return needs_trimming_; }

 private:
  stack* map_another() noexcept;

  std::vector<stack*> resting_;  ///< the longest rested first; has room for all that are mapped
  std::size_t mapped_ = 0;       ///< by this pool, resting or in use
  bool needs_trimming_ = false;
};

/// How many stacks the process may have: two mappings each, against `vm.max_map_count`.
std::size_t stack_limit() noexcept;
/// How many it has now, resting or in use.
std::size_t mapped_stack_count() noexcept;
/// For tests: lowers `stack_limit` for a time. What is mapped beyond it stays.
void lower_stack_limit(std::size_t most) noexcept;

/// Reports a fiber that overflowed its stack by name, instead of a bare SIGSEGV. For each thread that runs fibers, while it does.
class overflow_guard {
 public:
  overflow_guard();
  ~overflow_guard();
  overflow_guard(const overflow_guard&) = delete;
  overflow_guard& operator=(const overflow_guard&) = delete;

 private:
  void* memory_ = nullptr;
};

}  // namespace mamey::inline v1::detail
