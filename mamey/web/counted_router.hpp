#pragma once

/// @file
/// For the framework.
/// The router of an application, with a span and metrics for each request.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/observability/http_metrics.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/web/filter_chain.hpp>
#include <mamey/web/host_filter.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1::web {

/// Counts each request under its route.
class counted_router : public handler {
 public:
  /// What `hosts` does not allow is answered 400, whatever its route. `counts`, which several routers of an application share, outlives the
  /// router.
  counted_router(std::vector<route> routes, metrics::http_server_metrics& counts, std::string service, host_filter hosts = {});

  void handle(http::request& request, http::response& response) override;
  bool answers_under_overload(const http::request& request) const override { return routes_.answers_under_overload(request); }

 protected:
  router& routes() noexcept { return routes_; }
  /// `answer` answers, and returns what counts it where no route does, else null.
  template <class Answer>
  void count(http::request& request, http::response& response, Answer answer);
  /// What counts the requests that a filter answered.
  metrics::http_server_metrics::endpoint& answered_by(const http::request& request, std::string_view filter);

 private:
  std::vector<route> counting(std::vector<route> routes);
  metrics::http_server_metrics::endpoint& endpoint_of(const http::request& request);

  metrics::http_server_metrics& metrics_;
  std::string service_;
  host_filter hosts_;
  router routes_;
  std::map<const char*, metrics::http_server_metrics::endpoint*> by_pattern_;  ///< by where the pattern of a route stands
};

/// The same where filters stand around the routes. A class of its own, so that an application without any pays nothing.
class filtered_router final : public counted_router {
 public:
  filtered_router(std::vector<route> routes, metrics::http_server_metrics& counts, std::string service, std::vector<named_filter> filters,
                  host_filter hosts = {});

  void handle(http::request& request, http::response& response) override;

 private:
  filter_chain filters_;
};

}  // namespace mamey::inline v1::web
