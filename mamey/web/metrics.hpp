#pragma once

/// @file
/// For the framework.
/// The metrics of the server; those of its requests: observability/http_metrics.hpp.

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1::web {

class http_server;

/// `server` outlives the registrations.
std::vector<metrics::registration> show_server(metrics::registry& in, const http_server& server);
/// `expires`: of the https addresses, asked at each scrape.
metrics::registration show_certificate(metrics::registry& in, std::function<std::optional<std::chrono::sys_seconds>()> expires);

}  // namespace mamey::inline v1::web
