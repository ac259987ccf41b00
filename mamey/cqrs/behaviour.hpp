#pragma once

/// @file
/// For services.
/// Your own steps around handlers.

#include <functional>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1 {

/// The call that a behaviour wraps.
struct invocation {
  const handler_entry& handler;
  const void* message = nullptr;  ///< a `handler.message->model` object
  scope& services;                ///< of the whole call; the unit of work has its own scope, a new one for each retry
};

/// Wraps every handler of an application. It is registered with `module::behaviour<T>()` and built once by injection. Every loop calls it,
/// so it must be thread-safe.
///
/// The order of the whole: context → logging → metrics and span → authorization → validation → own behaviours, in the order of their
/// registration → retry → unit of work → handler.
class behaviour {
 public:
  virtual ~behaviour() = default;
  /// Calls `next` once to continue; an exception refuses the message.
  virtual void around(const invocation& call, const std::function<void()>& next) = 0;
};

}  // namespace mamey::inline v1
