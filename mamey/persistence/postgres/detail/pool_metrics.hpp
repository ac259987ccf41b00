#pragma once

/// @file
/// What pools count, shown as metrics with a label for each.

#include <vector>

#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>

namespace mamey::inline v1::postgres_detail {

/// Each ends with its registrations, which go before the pools.
std::vector<metrics::registration> show_pools(metrics::registry& in, std::vector<const pool*> pools);

}  // namespace mamey::inline v1::postgres_detail
