#include <mamey/host/detail/framework_endpoints.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/http/url.hpp>
#include <mamey/observability/logging.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";

web::route_function health_answer(health::registry& probes, health::kind asked) {
  return [&probes, asked](http::request& request, http::response& response) {
    const auto report = probes.check(asked);
    const auto accept = request.header("Accept");
    const bool wants_text = accept && accept->find("text/plain") != std::string_view::npos;
    response.set_body(wants_text ? plain : "application/json; charset=utf-8", wants_text ? health::to_text(report) : health::to_json(report));
    response.set_status(health::http_status(report));
    response.set_header("Cache-Control", "no-store");
  };
}

void set_log_level(http::request& request, http::response& response) {
  std::string level, category;
  for (http::query_reader query(request.query()); query.next();) {
    if (query.name() == "level") level = query.value();
    else if (query.name() == "category") category = query.value();
  }
  if (!logging::set_level(level, category)) {
    response.set_status(400).set_body(plain, "expected ?level=verbose|debug|information|warning|error|fatal|off, got \"" + level + "\"");
    return;
  }
  response.set_body(plain, (category.empty() ? "the default level" : "level of " + category) + " is " + level);
}

/// Equal time for equal lengths, wherever the difference is.
bool same_secret(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  return difference == 0;
}

bool from_this_machine(std::string_view peer) { return peer.starts_with("127.") || peer == "::1" || peer.starts_with("::ffff:127."); }

}  // namespace

void require_management(const http::request& request, const management_options& options) {
  if (options.api_key.empty()) {
    if (!from_this_machine(request.peer())) throw forbidden("management_is_local", "management is open to this machine only; set management:apiKey to open it with a key");
    return;
  }
  const auto given = request.header("X-Api-Key");
  if (!given || !same_secret(*given, options.api_key)) throw unauthorized("api_key_missing", "X-Api-Key is missing or wrong");
}

std::vector<web::route> framework_routes(const std::string& application, health::registry& health, const metrics::registry& metrics, const management_options& options,
                                         const std::vector<web::route>& declared) {
  std::vector<web::route> routes;
  const auto add = [&](http_method method, std::string pattern, web::route_function handle) {
    const bool taken = std::ranges::any_of(declared, [&](const web::route& each) { return each.method == method && each.pattern == pattern; });
    if (!taken) routes.push_back({.method = method, .pattern = pattern, .handle = std::move(handle), .name = pattern, .place = "the framework"});
  };
  add(http_method::get, "/", [application](http::request&, http::response& response) { response.set_body(plain, application); });
  add(http_method::get, "/ping", [](http::request&, http::response& response) { response.set_body(plain, "pong"); });
  add(http_method::get, "/health/live", health_answer(health, health::kind::liveness));
  add(http_method::get, "/health/ready", health_answer(health, health::kind::readiness));
  add(http_method::get, "/health/startup", health_answer(health, health::kind::startup));
  add(http_method::get, "/metrics", [&metrics](http::request&, http::response& response) {
    response.set_body(metrics::content_type, metrics::expose({&metrics::process(), &metrics}));
  });
  if (options.log_level) {
    add(http_method::post, "/logging/level", [options](http::request& request, http::response& response) {
      require_management(request, options);
      set_log_level(request, response);
    });
  }
  return routes;
}

}  // namespace mamey::inline v1
