#pragma once

/// @file
/// For the framework.
/// The metrics of handlers.

#include <cstdint>
#include <string_view>

#include <mamey/core/time.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// What one handler type costs and how it ends. The registry outlives it.
struct handler_metrics {
  metrics::counter* handled = nullptr;
  metrics::counter* refused = nullptr;
  metrics::counter* failed = nullptr;
  metrics::histogram* seconds = nullptr;
  metrics::counter* waits = nullptr;  ///< in an open transaction

  void count(metrics::counter* outcome, steady_time started) const;
};

/// Makes the metrics of a pipeline in a registry, which outlives it.
class pipeline_metrics {
 public:
  explicit pipeline_metrics(metrics::registry& in);
  handler_metrics of(std::string_view handler);
  /// Rows that a list left out because they cannot be read.
  void count_left_out(std::string_view collection, std::uint64_t rows);

 private:
  metrics::family<metrics::counter> handled_, left_out_, waits_;
  metrics::family<metrics::histogram> seconds_;
};

}  // namespace mamey::inline v1
