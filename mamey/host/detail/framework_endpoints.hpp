#pragma once

/// @file
/// What every application answers without being asked to: liveness, metrics, levels of the log, and (when enabled) its messages.

#include <string>
#include <vector>

#include <mamey/host/detail/options.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// `GET /`, `/ping`, `/health/live|ready|startup`, `/metrics`, `POST /logging/level`. A route the application declares itself wins: it is left out here.
std::vector<web::route> framework_routes(const std::string& application, health::registry& health, const metrics::registry& metrics, const management_options& options,
                                         const std::vector<web::route>& declared);

/// Refuses a caller that may not change things. Throws `unauthorized`, `forbidden`.
void require_management(const http::request& request, const management_options& options);

}  // namespace mamey::inline v1
