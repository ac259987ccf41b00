#pragma once

/// @file
/// What the parts count by themselves, shown as metrics.

#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

class runtime;
namespace http { class client; }
namespace web { class http_server; }

/// Each ends with its registrations, which go before what they ask.
std::vector<metrics::registration> show_loops(metrics::registry& in, runtime& loops);
std::vector<metrics::registration> show_server(metrics::registry& in, const web::http_server& server);
std::vector<metrics::registration> show_client(metrics::registry& in, const http::client& client);

}  // namespace mamey::inline v1
