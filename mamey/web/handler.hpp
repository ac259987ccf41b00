#pragma once

/// @file
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
};

}  // namespace mamey::inline v1::web
