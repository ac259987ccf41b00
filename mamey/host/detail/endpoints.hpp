#pragma once

/// @file
/// Declared endpoints become routes: bind, run the handler, answer.

#include <string>
#include <string_view>
#include <vector>

#include <mamey/cqrs/pipeline.hpp>
#include <mamey/host/definition.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// Who declared something, for complaints: `module orders`, or `the application` for what stands outside of modules.
std::string place_of(std::string_view module);

/// The route of one endpoint. `handler` and `runs` outlive it. Throws `error` when the template of its Location names no member of the message.
web::route make_route(const endpoint_definition& endpoint, const handler_entry& handler, pipeline& runs, const std::string& module,
                      bool bodies_without_type);

/// The members that `orderBy` may name, where it is plain which collection is sorted; else none.
std::vector<std::string> order_of(const handler_entry& handler);

}  // namespace mamey::inline v1
