#pragma once

/// @file
/// For the framework.
/// The metrics of the SQLite store.

#include <functional>
#include <vector>

#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/sqlite/store.hpp>

namespace mamey::inline v1 {

/// `read` is asked at each scrape; what it asks outlives the registrations.
std::vector<metrics::registration> show_sqlite(metrics::registry& in, const std::function<sqlite_statistics()>& read);

}  // namespace mamey::inline v1
