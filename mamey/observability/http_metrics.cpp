#include <mamey/observability/http_metrics.hpp>

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>

namespace mamey::inline v1 {
namespace metrics {

namespace {

/// Most statuses of one endpoint that are found without a lock; more work, slower.
constexpr std::size_t quick_statuses = 16;

struct endpoint_labels {
  std::string method, handler, controller, action;
  auto operator<=>(const endpoint_labels&) const = default;
};

}  // namespace

struct http_server_metrics::endpoint::state {
  struct slot {
    std::atomic<int> status{0};
    std::atomic<histogram*> series{nullptr};
  };

  endpoint_labels labels;
  family<histogram> durations;
  std::array<slot, quick_statuses> quick;
  std::mutex mutex;
  std::map<int, histogram*> all;

  state(endpoint_labels of, family<histogram> into) : labels(std::move(of)), durations(into) {}

  histogram& series_of(int status) {
    for (auto& one : quick) {
      const int seen = one.status.load(std::memory_order_acquire);
      if (seen == status) return *one.series.load(std::memory_order_relaxed);
      if (seen == 0) break;
    }
    return add(status);
  }

  histogram& add(int status) {
    std::lock_guard lock(mutex);
    auto& series = all[status];
    if (series == nullptr) {
      series = &durations.with({std::to_string(status), labels.method, labels.controller, labels.action, labels.handler});
      if (all.size() <= quick.size()) {
        auto& free = quick[all.size() - 1];
        free.series.store(series, std::memory_order_relaxed);
        free.status.store(status, std::memory_order_release);
      }
    }
    return *series;
  }
};

struct http_server_metrics::state {
  family<histogram> durations;
  family<up_down_counter> in_progress;
  std::mutex mutex;
  std::map<endpoint_labels, std::unique_ptr<endpoint>> endpoints;
  std::vector<registration> registrations;

  /// Calls `visit(labels, status, count)` for each series once.
  template <class Visit>
  void each(Visit visit) {
    std::lock_guard lock(mutex);
    std::set<const histogram*> seen;  // endpoints beyond the family's bound share a series
    for (auto& [labels, endpoint] : endpoints) {
      std::lock_guard endpoint_lock(endpoint->state_->mutex);
      for (const auto& [status, series] : endpoint->state_->all) {
        if (seen.insert(series).second) visit(labels, std::to_string(status), series->count());
      }
    }
  }

  void collect_received(const sample_sink& sink) {
    std::map<std::tuple<std::string, std::string, std::string, std::string>, std::uint64_t> sums;  // an action may serve several routes
    each([&](const endpoint_labels& of, const std::string& status, std::uint64_t count) {
      sums[{status, of.method, of.controller, of.action}] += count;
    });
    for (const auto& [labels, sum] : sums) {
      const auto& [code, method, controller, action] = labels;
      sink({code, method, controller, action}, static_cast<double>(sum));
    }
  }

  void collect_by_handler(const sample_sink& sink) {
    std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t> sums;
    each(
        [&](const endpoint_labels& of, const std::string& status, std::uint64_t count) { sums[{of.method, of.handler, status}] += count; });
    for (const auto& [labels, sum] : sums) {
      const auto& [method, handler, status] = labels;
      sink({method, handler, status}, static_cast<double>(sum));
    }
  }
};

http_server_metrics::endpoint::endpoint(std::unique_ptr<state> owned, up_down_counter& in_progress) noexcept
    : state_(std::move(owned)), in_progress_(&in_progress) {}

http_server_metrics::endpoint::~endpoint() = default;

void http_server_metrics::endpoint::finished(int status, std::chrono::nanoseconds took) noexcept {
  in_progress_->decrement();
  try {
    state_->series_of(status).observe(std::chrono::duration<double>(took).count());
  } catch (const std::bad_alloc&) {  // the first of its status, and no memory for a series: not counted
  }
}

http_server_metrics::http_server_metrics(registry& registry)
    : state_(new state{
          .durations = registry.histograms("http_request_duration_seconds", "Time from the request's arrival to the answer's end.",
                                           {"code", "method", "controller", "action", "handler"}),
          .in_progress = registry.up_down_counters("http_requests_in_progress", "Requests read and not yet answered.",
                                                   {"method", "controller", "action"})}) {
  auto& self = *state_;
  self.registrations.push_back(registry.collect(sample_kind::counter, "http_requests_received_total",
                                                "Requests answered, by controller and action.", {"code", "method", "controller", "action"},
                                                [&self](const sample_sink& sink) { self.collect_received(sink); }));
  self.registrations.push_back(registry.collect(sample_kind::counter, "http_requests_total", "Requests answered, by handler.",
                                                {"method", "handler", "status"},
                                                [&self](const sample_sink& sink) { self.collect_by_handler(sink); }));
}

http_server_metrics::~http_server_metrics() = default;

http_server_metrics::endpoint& http_server_metrics::at(std::string_view method, std::string_view handler, std::string_view controller,
                                                       std::string_view action) {
  endpoint_labels labels{std::string(method), std::string(handler), std::string(controller), std::string(action)};
  std::lock_guard lock(state_->mutex);
  auto& place = state_->endpoints[labels];
  if (place == nullptr) {
    auto& in_progress = state_->in_progress.with({method, controller, action});
    place.reset(new endpoint(std::make_unique<endpoint::state>(std::move(labels), state_->durations), in_progress));
  }
  return *place;
}

}  // namespace metrics
}  // namespace mamey::inline v1
