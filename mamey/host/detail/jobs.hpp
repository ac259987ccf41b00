#pragma once

/// @file
/// The recurring jobs of one application: what its modules declare and its configuration changes.

#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/cqrs/pipeline.hpp>
#include <mamey/cqrs/registry.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/scheduling/job_runner.hpp>

namespace mamey::inline v1 {

/// The jobs of all modules. Throws configuration_error for a bad value of section `jobs`, and `internal_error` for a job that cannot run:
/// a malformed schedule, a command without a handler or with an access rule, an application without store or messaging.
std::vector<recurring_job> jobs_of(const application_definition& of, const handler_registry& handlers, const configuration& values,
                                   const outgoing_rules& rules, bool has_store);

}  // namespace mamey::inline v1
