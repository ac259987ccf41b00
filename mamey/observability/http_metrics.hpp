#pragma once

/// @file
/// For the framework.
/// The request metrics of a server, under the two families of names that common dashboards query: prometheus-net's and the older
/// handler-based names.

#include <chrono>
#include <memory>
#include <string_view>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {
namespace metrics {

/// Registers, for one application:
///  - `http_request_duration_seconds{code,method,controller,action,handler}` (histogram; the only one that a request updates);
///  - `http_requests_received_total{code,method,controller,action}` and `http_requests_total{method,handler,status}`, computed from it at the
///  scrape;
///  - `http_requests_in_progress{method,controller,action}`.
/// `handler` is the route's template (`/orders/{orderId}`), never a path, so that clients cannot create series.
class http_server_metrics {
 public:
  explicit http_server_metrics(registry& registry);
  ~http_server_metrics();

  /// One endpoint's share; resolved when the routes are built.
  class endpoint {
   public:
    /// A request was read.
    void started() noexcept { in_progress_->increment(); }
    /// Its answer was written or abandoned. Any thread; no lock after the first use of a status.
    void finished(int status, std::chrono::nanoseconds took) noexcept;

   private:
    friend class http_server_metrics;
    struct state;
    explicit endpoint(std::unique_ptr<state> owned, up_down_counter& in_progress) noexcept;
    std::unique_ptr<state> state_;
    up_down_counter* in_progress_;

   public:
    ~endpoint();
  };

  /// The same arguments give the same endpoint, which lives as long as this object. `controller`: the module; `action`: the message or
  /// function.
  endpoint& at(std::string_view method, std::string_view handler, std::string_view controller, std::string_view action);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace metrics
}  // namespace mamey::inline v1
