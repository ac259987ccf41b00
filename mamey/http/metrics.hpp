#pragma once

/// @file
/// For the framework.
/// The metrics of the client.

#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1::http {

class client;

/// `caller` outlives the registrations.
std::vector<metrics::registration> show_client(metrics::registry& in, const client& caller);

}  // namespace mamey::inline v1::http
