#pragma once

/// @file
/// The router of an application, with a span and metrics for each request.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <mamey/observability/http_metrics.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

namespace metrics { class registry; }

/// Counts each request under its route.
class counted_router final : public web::handler {
 public:
  /// `registry` outlives the router.
  counted_router(std::vector<web::route> routes, metrics::registry& registry, std::string service);

  void handle(http::request& request, http::response& response) override;

 private:
  using route_key = std::pair<const char*, http_method>;
  metrics::http_server_metrics::endpoint& endpoint_of(const http::request& request);

  web::router routes_;
  metrics::http_server_metrics metrics_;
  std::string service_;
  std::map<route_key, metrics::http_server_metrics::endpoint*> by_pattern_;
};

}  // namespace mamey::inline v1
