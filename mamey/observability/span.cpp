#include <mamey/observability/span.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <new>

namespace mamey::inline v1 {
namespace tracing {

namespace {

constexpr std::size_t longest_text = 4 * 1024;
constexpr std::size_t most_attributes = 64;

struct exporter_entry {
  std::shared_ptr<span_exporter> exporter;
  std::string service;  ///< empty: of all
};
using exporter_list = std::vector<exporter_entry>;

struct exporter_place {
  std::mutex mutex;
  std::shared_ptr<const exporter_list> exporters;  ///< null: nobody takes spans
};

exporter_place& place_of_exporter() {
  static auto* const place = new exporter_place;  // never destroyed: work may end after main
  return *place;
}

using sampler_list = std::map<std::string, root_sampler, std::less<>>;  // by service

struct sampler_place {
  std::mutex mutex;
  std::shared_ptr<const sampler_list> samplers = std::make_shared<const sampler_list>();
  std::atomic<bool> any{false};  // without one nobody takes the lock
};

sampler_place& place_of_samplers() {
  static auto* const place = new sampler_place;  // never destroyed, as that of the exporters
  return *place;
}

attribute_value copy_value(const text_argument& value) {
  switch (value.type()) {
    case text_argument::kind::boolean:
      return value.integer() != 0;
    case text_argument::kind::integer:
    case text_argument::kind::unsigned_integer:
      return value.integer();
    case text_argument::kind::real:
      return value.real();
    case text_argument::kind::text:
      return std::string(value.text().substr(0, longest_text));
  }
  return false;
}

/// Without memory for it, this exporter misses the span.
void give_copy(span_exporter& to, const span_record& record) noexcept {
  try {
    to.take(span_record(record));
  } catch (const std::bad_alloc&) {}
}

}  // namespace

struct span::live {
  span_record record;
  std::chrono::steady_clock::time_point started;
  std::shared_ptr<const exporter_list> exporters;
};

void span::live_deleter::operator()(live* object) const noexcept { delete object; }

void set_exporter(std::shared_ptr<span_exporter> exporter) {
  auto list = exporter ? std::make_shared<const exporter_list>(exporter_list{{.exporter = std::move(exporter), .service = {}}}) : nullptr;
  auto& place = place_of_exporter();
  std::lock_guard lock(place.mutex);
  place.exporters.swap(list);
}

void add_exporter(std::shared_ptr<span_exporter> exporter, std::string service) {
  auto& place = place_of_exporter();
  std::lock_guard lock(place.mutex);
  auto more = place.exporters ? *place.exporters : exporter_list{};
  more.push_back({.exporter = std::move(exporter), .service = std::move(service)});
  place.exporters = std::make_shared<const exporter_list>(std::move(more));
}

void remove_exporter(const span_exporter& exporter) {
  auto& place = place_of_exporter();
  std::lock_guard lock(place.mutex);
  if (!place.exporters) return;
  auto fewer = *place.exporters;
  std::erase_if(fewer, [&](const exporter_entry& each) { return each.exporter.get() == &exporter; });
  place.exporters = fewer.empty() ? nullptr : std::make_shared<const exporter_list>(std::move(fewer));
}

void set_sampler(std::string service, root_sampler sampler) {
  auto& place = place_of_samplers();
  const std::lock_guard lock(place.mutex);
  auto changed = *place.samplers;
  if (sampler)
    changed.insert_or_assign(std::move(service), std::move(sampler));
  else
    changed.erase(service);
  place.any = !changed.empty();
  place.samplers = std::make_shared<const sampler_list>(std::move(changed));
}

bool samples(const new_root& root) {
  auto& place = place_of_samplers();
  if (!place.any.load(std::memory_order_relaxed)) return true;
  std::shared_ptr<const sampler_list> samplers;
  {
    const std::lock_guard lock(place.mutex);
    samplers = place.samplers;
  }
  const auto of_service = samplers->find(root.service);
  return of_service == samplers->end() || of_service->second(root);
}

span& span::operator=(span&& other) noexcept {
  if (this == &other) return *this;
  end();
  live_ = std::move(other.live_);
  return *this;
}

void span::begin(std::string_view name, span_kind kind, const span_place& place, std::string_view service) {
  std::shared_ptr<const exporter_list> exporters;
  {
    auto& current = place_of_exporter();
    std::lock_guard lock(current.mutex);
    exporters = current.exporters;
  }
  const auto takes = [&](const exporter_entry& each) { return each.service.empty() || each.service == service; };
  if (exporters == nullptr || std::ranges::none_of(*exporters, takes)) return;
  live_.reset(new live{.record = {.name = std::string(name),
                                  .kind = kind,
                                  .place = place,
                                  .service = std::string(service),
                                  .start = std::chrono::system_clock::now()},
                       .started = std::chrono::steady_clock::now(),
                       .exporters = std::move(exporters)});
}

void span::record(std::string_view name, const text_argument& value) {
  auto& attributes = live_->record.attributes;
  if (attributes.size() < most_attributes) attributes.emplace_back(name, copy_value(value));
}

void span::record_failure(std::string_view reason) { live_->record.error = reason.empty() ? "failed" : reason.substr(0, longest_text); }

void span::record_name(std::string_view name) { live_->record.name = name.substr(0, longest_text); }

void span::finish() noexcept {
  const auto ended = std::move(live_);
  ended->record.duration = std::chrono::steady_clock::now() - ended->started;
  span_exporter* last = nullptr;
  for (const auto& each : *ended->exporters) {
    if (!each.service.empty() && each.service != ended->record.service) continue;
    if (last != nullptr) give_copy(*last, ended->record);
    last = each.exporter.get();
  }
  if (last != nullptr) last->take(std::move(ended->record));
}

}  // namespace tracing
}  // namespace mamey::inline v1
