#pragma once

/// @file
/// The OpenAPI document of an application's endpoints and the page that shows it.

#include <string>
#include <vector>

#include <mamey/web/openapi.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// `GET /openapi.json` and `/docs`; with a `routePrefix` also at the addresses that .NET Mamey (Convey) uses. A route of the application with the same pattern wins: it is left out here.
std::vector<web::route> documentation_routes(const web::documentation_options& options,
                                             const std::vector<web::documented_endpoint>& endpoints,
                                             const std::vector<web::route>& declared);

}  // namespace mamey::inline v1
