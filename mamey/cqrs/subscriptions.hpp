#pragma once

/// @file
/// For the framework.
/// Handlers as subscriptions: what a transport delivers goes through the pipeline.

#include <vector>

#include <mamey/cqrs/pipeline.hpp>
#include <mamey/messaging/conventions.hpp>
#include <mamey/messaging/handling.hpp>

namespace mamey::inline v1 {

/// One subscription an event type, with all its handlers, and one a command that comes from the bus; one local a command that may be sent
/// later. Handlers and pipeline outlive them.
std::vector<subscription> subscriptions_of(const handler_registry& handlers, pipeline& runs, const naming_conventions& names);

}  // namespace mamey::inline v1
