#pragma once

/// @file
/// What every application answers without being asked to: liveness, metrics, levels of the log, and (when enabled) its messages.

#include <string>
#include <vector>

#include <mamey/host/detail/options.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// What the routes answer of. References outlive the routes.
struct framework_parts {
  health::registry& health;
  const metrics::registry& metrics;
  const management_options& management;
  const prometheus_options& exposition;
};

/// Where the service listens: `GET /` (the title), `/ping`, `/health/live|ready|startup`, `/metrics`, `POST /logging/level`; of these, when management has listeners of its
/// own, only the first two, and health in a word for each check. A route the application declares itself wins: it is left out here.
std::vector<web::route> framework_routes(const framework_parts& of, const std::string& title, const std::vector<web::route>& declared);

/// Where management listens: `GET /health/live|ready|startup`, `/metrics`, `POST /logging/level`.
std::vector<web::route> management_routes(const framework_parts& of);

/// Whether a request may read the metrics, by the rules of Convey: everybody where no key is set; else who brings the key, once, as `?apiKey=`, or whose
/// `Host` (without port) or whole `X-Forwarded-For` is allowed.
bool may_read_metrics(const http::request& request, const prometheus_options& options);

}  // namespace mamey::inline v1
