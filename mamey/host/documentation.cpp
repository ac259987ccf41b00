#include <mamey/host/detail/documentation.hpp>

#include <algorithm>
#include <memory>
#include <string_view>

namespace mamey::inline v1 {

std::vector<web::route> documentation_routes(const web::documentation_options& options, const std::vector<web::documented_endpoint>& endpoints,
                                             const std::vector<web::route>& declared) {
  std::vector<web::route> routes;
  if (!options.enabled) return routes;
  const auto add = [&](const std::string& pattern, std::string_view type, std::string body) {
    const auto is_same = [&](const web::route& each) { return each.method == http_method::get && each.pattern == pattern; };
    if (std::ranges::any_of(declared, is_same) || std::ranges::any_of(routes, is_same)) return;
    auto answer = [type, body = std::make_shared<const std::string>(std::move(body))](http::request&, http::response& response) {
      response.set_body(type, *body);
      response.set_header("Content-Security-Policy", "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'");
    };
    routes.push_back({.method = http_method::get, .pattern = pattern, .handle = std::move(answer), .name = pattern, .place = "the framework"});
  };
  constexpr std::string_view json = "application/json; charset=utf-8", html = "text/html; charset=utf-8";
  const auto document = web::write_openapi(options, endpoints);
  add("/openapi.json", json, document);
  add("/docs", html, web::write_documentation_page("openapi.json"));

  std::string_view prefix = options.route_prefix;
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return routes;
  const auto last = prefix.substr(prefix.rfind('/') + 1);
  // There is one document; names like "Orders API v1" are no literals of a route.
  add("/" + std::string(prefix) + "/{document}/swagger.json", json, document);
  add("/" + std::string(prefix), html, web::write_documentation_page(std::string(last) + "/" + options.name + "/swagger.json"));
  return routes;
}

}  // namespace mamey::inline v1
