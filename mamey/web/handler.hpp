#pragma once

/// @file
/// For features and services.
/// What a server calls for each request.

#include <mamey/http/message.hpp>

namespace mamey::inline v1::web {

/// Answers requests: the router, or anything else.
class handler {
 public:
  virtual ~handler() = default;
  /// Runs in a fiber of the connection's loop, in a fresh ambient context (correlation, trace, deadline, cancellation); several at once.
  /// Whatever it throws becomes an answer.
  virtual void handle(http::request& request, http::response& response) = 0;
  /// Whether the request is answered even when the server has more to do than it can: liveness, readiness, metrics. Asked only then; such
  /// requests have their own bound.
  virtual bool answers_under_overload(const http::request& request) const { return static_cast<void>(request), false; }
};

}  // namespace mamey::inline v1::web
