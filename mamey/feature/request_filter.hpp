#pragma once

/// @file
/// For features and services: functions around every request, before it is routed.

#include <cstdint>
#include <functional>

namespace mamey::inline v1 {

namespace http {
class request;
class response;
}  // namespace http

/// Where a filter stands, outermost first. Filters of one stage stand in the order of registration.
enum class request_stage : std::uint8_t {
  observe,       ///< sees every request and every answer, also those that a filter further in gives
  protect,       ///< cross-origin rules, limits: may answer early
  authenticate,  ///< says who asks: sets `current_context().user`
  tenant,        ///< says for which tenant: sets `current_context().tenant`
  innermost,     ///< the last before the route
};

/// The rest of the way: the filters further in, then routing and the handler.
class next_step {
 public:
  /// Answers the request; afterwards the answer may be looked at and changed. What goes wrong further in does not leave it: it has become
  /// the error answer. A second call throws `internal_error` (`next_called_twice`): the handler has run already.
  virtual void operator()() const = 0;

 protected:
  ~next_step() = default;
};

/// Looks at a request, and either lets it go on by `next()` or answers it. Runs in the request's fiber and ambient context, several at
/// once. Whatever it throws becomes the error answer, which the filters further out see: `throw mamey::unauthorized(…)` is a way to refuse.
///
/// An error replaces the answer with its headers, so set headers after `next()`. The body of a streamed answer is written when all filters
/// have returned.
using request_filter = std::function<void(http::request& request, http::response& response, const next_step& next)>;

}  // namespace mamey::inline v1
