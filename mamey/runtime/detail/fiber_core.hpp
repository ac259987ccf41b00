#pragma once

/// @file
/// A fiber: a strand with a stack of its own, on one loop for life. It lives at the top of that stack.

#include <functional>
#include <string_view>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/sanitizers.hpp>
#include <mamey/runtime/detail/stack_pool.hpp>
#include <mamey/runtime/detail/strand.hpp>

namespace mamey::inline v1::detail {

class parker;

/// Ends a fiber of a simulation at its suspension point. No std::exception, so that no handler of those takes it for an error.
struct fiber_killed {};

/// The layout that the Itanium C++ ABI (§2.2.2) gives `__cxa_eh_globals`. Each fiber has its own, or suspending inside a catch block would hand
/// its exception to another.
struct exception_globals {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

struct fiber final : strand {
  static constexpr std::size_t name_size = 48;

  fiber(event_loop::state& loop, stack& memory, std::string_view name, std::function<void()>&& body, ambient_context&& context);

  static constexpr std::size_t activity_size = 64;

  char name[name_size];               ///< cut, with a final zero: the handler of an overflow reads it
  char activity[activity_size] = "";  ///< what it does, for people; guarded by the loop's `working.inspection`
  event_loop::state& loop;
  stack& memory;
  std::function<void()> body;
  ambient_context own_context;
  void* position = nullptr;  ///< where it goes on
  void* resumer = nullptr;   ///< where the loop goes on
  exception_globals exceptions;
  parker* waiting = nullptr;  ///< what it is suspended in
  fiber* previous = nullptr;  ///< in the loop's list of living fibers
  fiber* next = nullptr;
  unsigned refusals = 0;  ///< waits refused since it was killed
  unsigned locks_at_resume = 0;
  bool finished = false;
  bool killed = false;
  [[no_unique_address]] switch_notes notes;
};

/// Builds a fiber on `memory`, ready to be resumed.
fiber& make_fiber(event_loop::state& loop, stack& memory, std::string_view name, std::function<void()>&& body, ambient_context&& context);

/// Runs `target` until it suspends or finishes. From its loop only.
void resume(fiber& target);

/// Goes back to the loop until somebody resumes the current fiber.
void suspend(fiber& self);

}  // namespace mamey::inline v1::detail
