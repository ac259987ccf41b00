#include <mamey/web/counted_router.hpp>

#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/web/problem.hpp>

namespace mamey::inline v1::web {
namespace {

void describe(tracing::span& span, const http::request& request, const http::response& response) {
  if (!request.route().empty()) span.rename(std::string(http::name_of(request.method())) + " " + std::string(request.route()));
  span.set("http.request.method", request.method_text()).set("http.route", request.route()).set("url.path", request.path());
  span.set("http.response.status_code", response.status());
  if (response.status() >= 500) span.fail("status " + std::to_string(response.status()));
}

/// Clients must not make series.
std::string_view counted_name_of(http_method method) noexcept { return method == http_method::other ? "OTHER" : http::name_of(method); }

void refuse_host(const http::request& request, http::response& response) {
  write_error(response, 400,
              {.kind = error_kind::validation, .code = "host_not_allowed", .reason = "this service is not called by that host name"},
              request);
}

}  // namespace

counted_router::counted_router(std::vector<route> routes, metrics::http_server_metrics& counts, std::string service, host_filter hosts)
    : metrics_(counts), service_(std::move(service)), hosts_(std::move(hosts)), routes_(counting(std::move(routes))) {
  for (const auto& each : routes_.routes()) {
    by_pattern_[each.pattern.data()] = &metrics_.at(http::name_of(each.method), each.pattern, each.module, each.name);
  }
}

/// In progress is a request from where its route is known to its answer, which `handle` sees.
std::vector<route> counted_router::counting(std::vector<route> routes) {
  for (auto& each : routes) {
    auto& counted = metrics_.at(http::name_of(each.method), each.pattern, each.module, each.name);
    each.handle = [&counted, answer = std::move(each.handle)](http::request& request, http::response& response) {
      counted.started();
      answer(request, response);
    };
  }
  return routes;
}

template <class Answer>
void counted_router::count(http::request& request, http::response& response, Answer answer) {
  const auto arrived = round_time();
  auto& context = current_context();
  context.service = service_;
  if (!context.trace.valid())  // no server has done it
    context.trace = tracing::begin_trace({.kind = tracing::span_kind::server, .name = request.path(), .service = service_});
  // The request's trace is that of this span: the server made it a child of the caller's.
  tracing::span span(http::name_of(request.method()), tracing::span_kind::server, tracing::place_of(context.trace), service_);
  metrics::http_server_metrics::endpoint* early = nullptr;
  try {
    if (hosts_.allows(request.header("host").value_or(""))) {
      early = answer();
    } else {
      refuse_host(request, response);
      early = &answered_by(request, "AllowedHosts");
    }
  } catch (...) {  // no memory for an answer
    if (!request.route().empty()) endpoint_of(request).finished(503, steady_now() - arrived);
    throw;
  }
  if (span.recording()) describe(span, request, response);
  auto& counted = early ? *early : endpoint_of(request);
  if (request.route().empty()) counted.started();  // no route was there to do it
  counted.finished(response.status(), steady_now() - arrived);
}

void counted_router::handle(http::request& request, http::response& response) {
  count(request, response, [&]() -> metrics::http_server_metrics::endpoint* {
    routes_.handle(request, response);
    return nullptr;
  });
}

filtered_router::filtered_router(std::vector<route> routes, metrics::http_server_metrics& counts, std::string service,
                                 std::vector<named_filter> filters, host_filter hosts)
    : counted_router(std::move(routes), counts, std::move(service), std::move(hosts)), filters_(std::move(filters)) {}

void filtered_router::handle(http::request& request, http::response& response) {
  count(request, response, [&]() -> metrics::http_server_metrics::endpoint* {
    const auto* const filter = filters_.handle(request, response, routes());
    return filter ? &answered_by(request, filter->name) : nullptr;
  });
}

metrics::http_server_metrics::endpoint& counted_router::endpoint_of(const http::request& request) {
  const auto found = by_pattern_.find(request.route().data());
  if (found != by_pattern_.end()) return *found->second;
  return metrics_.at(counted_name_of(request.method()), "", "", "unmatched");
}

metrics::http_server_metrics::endpoint& counted_router::answered_by(const http::request& request, std::string_view filter) {
  return metrics_.at(counted_name_of(request.method()), "", "filter", filter);
}

}  // namespace mamey::inline v1::web
