#pragma once

/// @file
/// The metrics of the PostgreSQL store and queues.

#include <atomic>
#include <cstdint>
#include <vector>

#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>

namespace mamey::inline v1::postgres_detail {

/// With a label for each pool. Each ends with its registrations, which go before the pools.
std::vector<metrics::registration> show_pools(metrics::registry& in, std::vector<const pool*> pools);
/// `retried` outlives the registration.
metrics::registration show_retries(metrics::registry& in, const std::atomic<std::uint64_t>& retried);

}  // namespace mamey::inline v1::postgres_detail
