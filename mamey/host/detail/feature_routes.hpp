#pragma once

/// @file
/// Routes and filters of features, made.

#include <vector>

#include <mamey/host/detail/options.hpp>
#include <mamey/host/doors.hpp>
#include <mamey/web/filter_chain.hpp>
#include <mamey/web/openapi.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

struct feature_routes {
  std::vector<web::route> open;           ///< where the service listens
  std::vector<web::route> of_management;  ///< where management listens, when it has listeners of its own (`management:urls`)
};

/// The routes behind their guards. Throws what making one throws.
feature_routes make_feature_routes(const std::vector<feature_route>& routes, const environment& around,
                                   const management_options& management);
/// Those that the OpenAPI document shows; refers to `routes`.
std::vector<web::documented_endpoint> documented_feature_routes(const std::vector<feature_route>& routes);
/// Outermost first.
std::vector<web::named_filter> make_filters(const std::vector<filter_door>& filters, const environment& around);

}  // namespace mamey::inline v1
