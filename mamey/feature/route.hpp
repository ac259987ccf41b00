#pragma once

/// @file
/// For features and services: routes that are neither command nor query: pages, protocol endpoints.

#include <functional>
#include <string>

#include <mamey/domain/access.hpp>
#include <mamey/http/method.hpp>

namespace mamey::inline v1 {

namespace http {
class request;
class response;
}  // namespace http
struct environment;

/// Answers a request. Runs in the request's fiber and ambient context, several at once; what it throws becomes the error answer.
using request_function = std::function<void(http::request& request, http::response& response)>;

/// Who may call a route. The default: everybody.
struct route_guard {
  access_rule access =
      {};  ///< what the user must be whom a filter has set: `{.access = mamey::requires_role("admin")}`; others get 401 or 403
  bool management_only =
      false;  ///< only those to whom the framework's own management is open: callers of this machine, or with `management:apiKey`
};

/// A route of a feature.
struct feature_route {
  http_method method = http_method::get;
  std::string pattern;                                              ///< as of an endpoint: `/pages/{name}`
  std::string name;                                                 ///< for metrics and complaints: `acme page`
  std::function<request_function(const environment& around)> make;  ///< called once, when the services are built
  route_guard guard = {};
  bool under_overload =
      false;                ///< answered even when the server has more to do than it can: for what is cheap and somebody needs just then
  bool documented = false;  ///< whether it stands in the OpenAPI document, without types of its own
};

}  // namespace mamey::inline v1
