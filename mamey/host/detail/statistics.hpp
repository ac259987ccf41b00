#pragma once

/// @file
/// The statistics of the parts, shown as metrics.

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

class runtime;
namespace http {
class client;
}
namespace web {
class http_server;
}

/// Each ends with its registrations, which go before what they ask.
std::vector<metrics::registration> show_loops(metrics::registry& in, runtime& loops);
std::vector<metrics::registration> show_server(metrics::registry& in, const web::http_server& server);
/// `expires`: of the https addresses, asked at each scrape.
metrics::registration show_certificate(metrics::registry& in, std::function<std::optional<std::chrono::sys_seconds>()> expires);
std::vector<metrics::registration> show_client(metrics::registry& in, const http::client& client);

}  // namespace mamey::inline v1
