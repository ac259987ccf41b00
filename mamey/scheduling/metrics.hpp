#pragma once

/// @file
/// For the framework.
/// The metrics of recurring jobs.

#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

class job_runner;

/// `runner` outlives the registrations.
std::vector<metrics::registration> show_jobs(metrics::registry& in, const job_runner& runner);

}  // namespace mamey::inline v1
