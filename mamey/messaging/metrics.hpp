#pragma once

/// @file
/// For the framework.
/// The metrics of messaging.

#include <functional>
#include <vector>

#include <mamey/messaging/message_endpoint.hpp>
#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

/// `read` is asked at each scrape; what it asks outlives the registrations.
std::vector<metrics::registration> show_messaging(metrics::registry& in, std::function<messaging_statistics()> read);

/// Messages in an outbox, where only they are shown.
metrics::registration show_pending(metrics::registry& in, std::function<double()> read);

}  // namespace mamey::inline v1
