#pragma once

/// @file
/// What a fiber and a plain thread have in common when they run our code: an ambient context and how they take interruptions.

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

struct ambient_context;
class wait_watch;

namespace detail {

struct fiber;

struct strand {
  ambient_context* context = nullptr;  ///< never null once bound
  fiber* self = nullptr;               ///< null: a plain thread
  steady_time masked_until{};          ///< deadline and cancellation wait until then
  bool masked = false;
  bool ending = false;  ///< its body is being destroyed: nothing may throw any more
  unsigned no_suspend_depth = 0;
  wait_watch* watch = nullptr;  ///< hears of waits; null: nobody does
};

/// What this thread runs right now. Changed on every switch: a switch costs one pointer.
struct running_here {
  strand* current = nullptr;
  event_loop::state* loop = nullptr;
};
extern thread_local constinit running_here here;

/// Gives the calling thread a strand of its own.
strand& bind_thread_strand();

inline strand& current_strand() { return here.current != nullptr ? *here.current : bind_thread_strand(); }

/// Ends the process with a sentence on stderr. For programming errors that cannot be reported otherwise.
[[noreturn]] void fatal(std::string_view sentence) noexcept;

}  // namespace detail
}  // namespace mamey::inline v1
