#pragma once

/// @file
/// Declared endpoints become routes: bind, run the handler, answer.

#include <string>
#include <vector>

#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// The route of one endpoint. `handler` and `runs` outlive it. Throws `error` when the template of its Location names no member of the message.
web::route make_route(const endpoint_definition& endpoint, const handler_entry& handler, pipeline& runs, const std::string& module);

}  // namespace mamey::inline v1
