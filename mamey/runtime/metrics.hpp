#pragma once

/// @file
/// For the framework.
/// The metrics of loops.

#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

class runtime;

/// `loops` outlive the registrations.
std::vector<metrics::registration> show_loops(metrics::registry& in, runtime& loops);

}  // namespace mamey::inline v1
