#include <mamey/web/router.hpp>

#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/web/detail/failure_log.hpp>
#include <mamey/web/detail/route_tree.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web {
namespace {

/// Of HTTP itself (RFC 9110 §9.3), if without routes here: not allowed (405) is another answer than not implemented (501).
bool is_known(std::string_view method) noexcept { return method == "TRACE" || method == "CONNECT"; }

}  // namespace

std::string method_set::text() const {
  std::string out;
  for (std::size_t i = 0; i + 1 < http_method_count; ++i) {
    const auto each = static_cast<http_method>(i);
    const bool implied = each == http_method::options || (each == http_method::head && has(http_method::get));
    if (has(each) || implied) out.append(out.empty() ? "" : ", ").append(http::name_of(each));
  }
  return out;
}

struct router::state {
  std::vector<route> routes;
  std::vector<std::vector<std::string>> names;  ///< of each route's parameters
  detail::route_tree tree;
  method_set all;
};

router::router(std::vector<route> routes) : state_(std::make_unique<state>()) {
  state_->routes = std::move(routes);
  for (std::uint32_t i = 0; i < state_->routes.size(); ++i) {
    state_->tree.add(state_->routes, i);
    state_->names.push_back(parameter_names(state_->routes[i].pattern));
    state_->all.add(state_->routes[i].method);
  }
}

router::~router() = default;

const std::vector<route>& router::routes() const noexcept { return state_->routes; }

route_match router::find(http_method method, std::string_view path, std::vector<http::route_parameter>& parameters) const {
  detail::route_tree::values matched;
  const auto found = state_->tree.find(method, path, matched);
  if (!found.route) return {nullptr, found.allowed};
  const auto& names = state_->names[*found.route];
  for (std::size_t i = 0; i < found.parameters; ++i) {
    // An empty rest is absent, as an optional one that is missing.
    if (!matched[i].empty()) parameters.push_back({names[i], matched[i]});
  }
  return {&state_->routes[*found.route], found.allowed};
}

void router::handle(http::request& request, http::response& response) {
  try {
    if (request.path() == "*") {
      response.set_status(204).set_header("Allow", state_->all.text());
      return;
    }
    if (request.method() == http_method::other && !is_known(request.method_text())) {
      throw http_error(501, "method_not_implemented", "no method " + std::string(request.method_text()) + " is known here");
    }
    const auto match = find(request.method(), request.path(), request.mutable_parameters());
    if (match.route) {
      request.set_route(match.route->pattern);
      if (match.route->when_client_leaves == route::on_disconnect::cancel) request.cancel_on_disconnect();
      match.route->handle(request, response);
    } else if (match.allowed.empty()) {
      throw http_error(404, "route_not_found", "there is nothing at " + std::string(request.path()));
    } else if (request.method() == http_method::options) {
      response.set_status(204).set_header("Allow", match.allowed.text());
    } else {
      const auto allowed = match.allowed.text();
      write_error(
          response, 405,
          {.kind = error_kind::validation, .code = "method_not_allowed", .reason = "here are " + allowed, .detail = {}, .violations = {}},
          request);
      response.set_header("Allow", allowed);
    }
  } catch (...) {
    detail::log_failure(write_current_exception(response, request), request);
  }
}

bool router::answers_under_overload(const http::request& request) const {
  detail::route_tree::values matched;
  const auto found = state_->tree.find(request.method(), request.path(), matched);
  return found.route && state_->routes[*found.route].under_overload;
}

std::vector<std::string> parameter_names(std::string_view pattern) {
  std::vector<std::string> names;
  for (const auto& part : detail::parse_pattern({.pattern = std::string(pattern)})) {
    if (part.is != detail::segment::kind::literal) names.push_back(part.text);
  }
  return names;
}

}  // namespace mamey::inline v1::web
