#include <mamey/host/detail/feature_routes.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/cqrs/authorization.hpp>
#include <mamey/host/detail/management_guard.hpp>

namespace mamey::inline v1 {
namespace {

std::string named(const feature_route& route) { return route.name.empty() ? std::string(route.pattern) : route.name; }

request_function guarded(request_function answer, const feature_route& route, const management_options& management) {
  if (!route.guard.access.authenticated && !route.guard.management_only) return answer;
  return
      [answer = std::move(answer), guard = route.guard, name = named(route), management](http::request& request, http::response& response) {
        if (guard.management_only) require_management(request, management);
        authorize(guard.access, name);
        answer(request, response);
      };
}

}  // namespace

feature_routes make_feature_routes(const std::vector<feature_route>& routes, const environment& around,
                                   const management_options& management) {
  feature_routes made;
  for (const auto& each : routes) {
    auto answer = each.make(around);
    if (!answer) throw internal_error("feature_incomplete", "the route {} ({}) has made no function", each.pattern, named(each));
    auto& place = each.guard.management_only && !management.urls.empty() ? made.of_management : made.open;
    place.push_back({.method = each.method,
                     .pattern = each.pattern,
                     .handle = guarded(std::move(answer), each, management),
                     .name = named(each),
                     .place = "feature route " + named(each),
                     .module = "features",
                     .under_overload = each.under_overload});
  }
  return made;
}

std::vector<web::documented_endpoint> documented_feature_routes(const std::vector<feature_route>& routes) {
  std::vector<web::documented_endpoint> shown;
  for (const auto& each : routes) {
    if (!each.documented) continue;
    shown.push_back({.method = each.method,
                     .pattern = each.pattern,
                     .name = each.name.empty() ? std::string_view(each.pattern) : std::string_view(each.name),
                     .group = "features",
                     .needs_user = each.guard.access.authenticated,
                     .needs_role = !each.guard.access.any_of.front().empty()});
  }
  return shown;
}

std::vector<web::named_filter> make_filters(const std::vector<filter_door>& filters, const environment& around) {
  std::vector<const filter_door*> ordered;
  for (const auto& each : filters) ordered.push_back(&each);
  std::ranges::stable_sort(ordered, {}, &filter_door::stage);
  std::vector<web::named_filter> made;
  for (const auto* each : ordered) {
    made.push_back({.name = each->name, .run = each->make(around)});
    if (!made.back().run) throw internal_error("feature_incomplete", "the filter {} has made no function", each->name);
  }
  return made;
}

}  // namespace mamey::inline v1
