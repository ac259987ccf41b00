#include <mamey/host/detail/counted_router.hpp>

#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {
namespace {

void describe(tracing::span& span, const http::request& request, const http::response& response) {
  if (!request.route().empty()) span.rename(std::string(http::name_of(request.method())) + " " + std::string(request.route()));
  span.set("http.request.method", request.method_text()).set("http.route", request.route()).set("url.path", request.path());
  span.set("http.response.status_code", response.status());
  if (response.status() >= 500) span.fail("status " + std::to_string(response.status()));
}

}  // namespace

counted_router::counted_router(std::vector<web::route> routes, metrics::registry& registry, std::string service)
    : routes_(std::move(routes)), metrics_(registry), service_(std::move(service)) {
  for (const auto& each : routes_.routes()) {
    by_pattern_[route_key(each.pattern.data(), each.method)] = &metrics_.at(http::name_of(each.method), each.pattern, each.place, each.name);
  }
}

void counted_router::handle(http::request& request, http::response& response) {
  const auto arrived = round_time();
  auto& context = current_context();
  context.service = service_;
  // The request's trace is that of this span: the server made it a child of the caller's.
  tracing::span span(http::name_of(request.method()), tracing::span_kind::server, tracing::place_of(context.trace), service_);
  routes_.handle(request, response);
  if (span.recording()) describe(span, request, response);
  auto& counted = endpoint_of(request);
  counted.started();
  counted.finished(response.status(), steady_now() - arrived);
}

metrics::http_server_metrics::endpoint& counted_router::endpoint_of(const http::request& request) {
  const auto method = request.method() == http_method::head ? http_method::get : request.method();
  const auto found = by_pattern_.find(route_key(request.route().data(), method));
  if (found != by_pattern_.end()) return *found->second;
  return metrics_.at(request.method() == http_method::other ? "OTHER" : http::name_of(request.method()), "", "", "unmatched");
}

}  // namespace mamey::inline v1
