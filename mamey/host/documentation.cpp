#include <mamey/host/detail/documentation.hpp>

#include <algorithm>
#include <memory>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/web/documentation_page.hpp>

namespace mamey::inline v1 {
namespace {

std::string_view without_slashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<web::route> documentation_routes(const web::documentation_options& options,
                                             const std::vector<web::documented_endpoint>& endpoints,
                                             const std::vector<web::route>& declared) {
  std::vector<web::route> routes;
  if (!options.enabled) return routes;
  const auto is_taken = [&](std::string_view pattern) {
    const auto is_same = [&](const web::route& each) {
      return each.method == http_method::get && equal_ignoring_case(without_slashes(each.pattern), without_slashes(pattern));
    };
    return std::ranges::any_of(declared, is_same) || std::ranges::any_of(routes, is_same);
  };
  const auto add_document = [&](const std::string& pattern, std::string_view server) {
    if (is_taken(pattern)) return;
    auto answer = [name = options.name, body = std::make_shared<const std::string>(web::write_openapi(options, endpoints, server))](
                      http::request& request, http::response& response) {
      if (request.parameter("document").value_or(name) != name)
        throw not_found("route_not_found", "there is nothing at {}", request.path());
      response.set_body("application/json; charset=utf-8", *body)
          .set_header("Cache-Control", "no-cache")
          .set_header("X-Content-Type-Options", "nosniff");
    };
    routes.push_back(
        {.method = http_method::get, .pattern = pattern, .handle = std::move(answer), .name = pattern, .place = "the framework"});
  };
  const auto add_page = [&](const std::string& pattern, const std::string& document) {
    if (is_taken(pattern)) return;
    for (auto& each : web::documentation_page_routes({.pattern = pattern, .document = document, .title = options.title})) {
      if (!is_taken(each.pattern)) routes.push_back(std::move(each));
    }
  };
  add_document("/openapi.json", ".");
  add_page("/docs", "/openapi.json");

  if (options.route_prefix.empty()) return routes;
  const auto prefix = without_slashes(options.route_prefix);
  const auto base = prefix.empty() ? std::string() : "/" + std::string(prefix);
  std::string up = "..";
  for (auto deeper = std::ranges::count(base, '/'); deeper > 0; --deeper) up += "/..";
  // Names like "Orders API v1" are no literals of a route.
  add_document(base + "/{document}/swagger.json", up);
  add_page(base.empty() ? "/" : base, base + "/" + options.name + "/swagger.json");
  return routes;
}

}  // namespace mamey::inline v1
