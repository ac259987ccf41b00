#pragma once

/// @file
/// Runs health probes side by side on fibers, none longer than it may.

#include <vector>

#include <mamey/observability/health.hpp>

namespace mamey::inline v1 {

/// See health::task_runner. A probe that overruns its timeout runs to its own end; the answer does not wait for it.
void run_on_fibers(std::vector<health::task> tasks);

}  // namespace mamey::inline v1
