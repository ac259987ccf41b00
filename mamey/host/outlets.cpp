#include <mamey/host/detail/outlets.hpp>

#include <mutex>
#include <string_view>
#include <utility>
#include <variant>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/logging.hpp>
#include <mamey/observability/span.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.host"};

/// The application that a line is about; empty: the process.
std::string_view application_of(const log_record& record) {
  for (const auto& each : record.context) {
    if (const auto* const name = each.name == "service" ? std::get_if<std::string>(&each.value) : nullptr) return *name;
  }
  return {};
}

}  // namespace

/// Stays with the log for as long as the process lives, and lets nothing through once it is shut: taking a sink away would wait for one
/// that hangs.
class outlets::fenced_sink final : public log_sink {
 public:
  fenced_sink(std::shared_ptr<log_sink> inner, std::string application) : inner_(std::move(inner)), application_(std::move(application)) {}

  void write(const log_record& record) override {
    const auto about = application_of(record);
    if (!about.empty() && about != application_) return;
    if (const auto sink = inner()) sink->write(record);
  }
  void flush() override {
    if (const auto sink = inner()) sink->flush();
  }
  void shut() noexcept {
    std::shared_ptr<log_sink> gone;
    const std::lock_guard lock(guard_);
    gone.swap(inner_);
  }

 private:
  std::shared_ptr<log_sink> inner() {
    const std::lock_guard lock(guard_);
    return inner_;
  }
  std::mutex guard_;
  std::shared_ptr<log_sink> inner_;
  std::string application_;
};

outlets::outlets() = default;
outlets::~outlets() { close(std::chrono::milliseconds(500)); }

void outlets::open(const feature_doors& doors, const environment& around) {
  for (const auto& each : doors.sinks) {
    auto sink = each.function(around);
    if (!sink) throw internal_error("feature_incomplete", "{} has made no log sink", each.name);
    sinks_.push_back(std::make_shared<fenced_sink>(std::move(sink), around.application));
    logging::add_sink(sinks_.back());
  }
  for (const auto& each : doors.exporters) {
    auto exporter = each.function(around);
    if (!exporter) throw internal_error("feature_incomplete", "{} has made no exporter of spans", each.name);
    tracing::add_exporter(exporter, around.application);
    exporters_.push_back({.name = each.name, .exporter = std::move(exporter)});
  }
  for (const auto& each : doors.samplers) {
    auto sampler = each.function(around);
    if (!sampler) continue;  // it records every trace
    tracing::set_sampler(around.application, std::move(sampler));
    sampled_ = around.application;
  }
}

void outlets::close_sampler() noexcept {
  if (!sampled_.empty()) tracing::set_sampler(std::exchange(sampled_, {}), {});
}

std::vector<outlets::flush_step> outlets::flush_steps() const {
  std::vector<flush_step> steps;
  for (const auto& each : exporters_)
    steps.push_back({.name = "flush spans to " + each.name, .run = [exporter = each.exporter] { exporter->flush(); }});
  return steps;
}

void outlets::close(std::chrono::milliseconds limit) noexcept {
  try {
    close_sampler();
    for (const auto& each : exporters_) tracing::remove_exporter(*each.exporter);
    exporters_.clear();
    if (sinks_.empty()) return;
    const bool all_arrived = run_blocking([limit] { return logging::flush(limit); });
    if (!all_arrived) log.warning("log lines had not arrived at all sinks after {milliseconds} ms", limit.count());
    for (const auto& each : sinks_) each->shut();
    sinks_.clear();
  } catch (const std::exception& failure) {
    log.warning("log sinks and exporters could not be closed: {error}", failure);
  }
}

}  // namespace mamey::inline v1
