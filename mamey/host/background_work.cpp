#include <mamey/host/detail/background_work.hpp>

#include <algorithm>

#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

health::result health_of(const supervised_status& now) {
  if (now.state != supervised_status::state_type::backing_off) return {};
  return {.status = health::status::degraded,
          .message = "failed, begins again soon (failures so far: " + std::to_string(now.restarts) + "): " + now.last_error};
}

}  // namespace

void background_work::start() {
  for (const auto& each : works_) {
    auto& loop = *around_.workers[jobs_.size() % around_.workers.size()];
    auto failed = [](const supervised_status& status) {
      log.error("background work {work} failed and begins again: {error}", status.name, status.last_error);
    };
    jobs_.push_back({.name = &each.name, .runs = std::make_unique<supervisor>(loop, std::move(failed))});
    jobs_.back().runs->start(each.name, [this, &each] { each.function(around_); });
  }
  if (!jobs_.empty()) show();
}

void background_work::show() {
  for (const auto& each : jobs_) {
    around_.health->add({.name = "background " + *each.name,
                         .kinds = health::kind::readiness,
                         .importance = health::importance::degrading,
                         .cache = std::chrono::milliseconds(0),
                         .check = [runs = each.runs.get()] { return health_of(runs->status().front()); }});
  }
  using metrics::sample_kind;
  shown_.push_back(around_.metrics->collect(sample_kind::gauge, "mamey_background_running",
                                            "1 while the work runs, 0 while it waits to begin again or has ended.", {"work"},
                                            [this](const metrics::sample_sink& sink) {
                                              for (const auto& each : jobs_)
                                                sink({*each.name}, each.status().state == supervised_status::state_type::running ? 1 : 0);
                                            }));
  shown_.push_back(around_.metrics->collect(sample_kind::counter, "mamey_background_restarts_total",
                                            "How often the work failed and began again.", {"work"},
                                            [this](const metrics::sample_sink& sink) {
                                              for (const auto& each : jobs_)
                                                sink({*each.name}, static_cast<double>(each.status().restarts));
                                            }));
}

std::vector<std::string> background_work::stop(std::chrono::nanoseconds grace) {
  const auto until = steady_now() + grace;
  std::vector<std::string> remaining;
  // First a wish for all, so that they end side by side.
  for (auto& each : jobs_) each.runs->stop(std::chrono::nanoseconds(0));
  for (auto& each : jobs_) {
    if (!each.runs->stop(std::max<std::chrono::nanoseconds>(until - steady_now(), std::chrono::nanoseconds(0))))
      remaining.push_back(*each.name);
    around_.health->remove("background " + *each.name);
  }
  shown_.clear();
  return remaining;
}

}  // namespace mamey::inline v1
