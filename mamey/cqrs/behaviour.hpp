#pragma once

/// @file
/// Own steps around handlers.

#include <functional>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1 {

/// What a behaviour sees of the call it wraps.
struct invocation {
  const handler_entry& handler;
  const void* message = nullptr;  ///< a `handler.message->model` object
  scope& services;                ///< of the whole call; the unit of work has a scope of its own, made anew for each retry
};

/// Wraps every handler of an application: registered with `module::behaviour<T>()`, built once by injection, called from every loop, so thread-safe.
///
/// The order of the whole: context → logging → metrics and span → authorization → validation → own behaviours, in the order of their registration → retry → unit of work → handler.
class behaviour {
 public:
  virtual ~behaviour() = default;
  /// Calls `next` once to go on; throwing refuses the message.
  virtual void around(const invocation& call, const std::function<void()>& next) = 0;
};

}  // namespace mamey::inline v1
