#pragma once

/// @file
/// For the framework.
/// The metrics of the RabbitMQ transport.

#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

class rabbitmq_transport;

/// `through` outlives the registrations.
std::vector<metrics::registration> show_rabbitmq(metrics::registry& in, const rabbitmq_transport& through);

}  // namespace mamey::inline v1
