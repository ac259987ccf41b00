#pragma once

/// @file
/// For the framework: the filters of an application around what routes its requests.

#include <memory>
#include <string>
#include <vector>

#include <mamey/feature/request_filter.hpp>
#include <mamey/web/handler.hpp>

namespace mamey::inline v1::web {

/// A filter under its name.
struct named_filter {
  std::string name;
  request_filter run;
};

/// Immutable; any thread and fiber.
class filter_chain {
 public:
  /// Outermost first.
  explicit filter_chain(std::vector<named_filter> filters) : filters_(std::move(filters)) {}

  /// Answers the request: by a filter, or by `innermost` with the filters around it. Never throws; what anybody of them throws becomes the
  /// answer and is logged. Returns the filter that did not let the request go on; null when it reached `innermost`.
  const named_filter* handle(http::request& request, http::response& response, handler& innermost) const;

 private:
  struct passage;
  std::vector<named_filter> filters_;
};

}  // namespace mamey::inline v1::web
