#include <mamey/observability/span.hpp>

#include <mutex>

namespace mamey::inline v1 {
namespace tracing {

namespace {

constexpr std::size_t longest_text = 4 * 1024;
constexpr std::size_t most_attributes = 64;

struct exporter_place {
  std::mutex mutex;
  std::shared_ptr<span_exporter> exporter;
};

exporter_place& place_of_exporter() {
  static auto* const place = new exporter_place;  // never destroyed: work may end after main
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

}  // namespace

struct span::live {
  span_record record;
  std::chrono::steady_clock::time_point started;
  std::shared_ptr<span_exporter> exporter;
};

void span::live_deleter::operator()(live* object) const noexcept { delete object; }

void set_exporter(std::shared_ptr<span_exporter> exporter) {
  auto& place = place_of_exporter();
  std::lock_guard lock(place.mutex);
  place.exporter.swap(exporter);
}

span& span::operator=(span&& other) noexcept {
  if (this == &other) return *this;
  end();
  live_ = std::move(other.live_);
  return *this;
}

void span::begin(std::string_view name, span_kind kind, const span_place& place, std::string_view service) {
  std::shared_ptr<span_exporter> exporter;
  {
    auto& current = place_of_exporter();
    std::lock_guard lock(current.mutex);
    exporter = current.exporter;
  }
  if (exporter == nullptr) return;
  live_.reset(new live{.record = {.name = std::string(name),
                                  .kind = kind,
                                  .place = place,
                                  .service = std::string(service),
                                  .start = std::chrono::system_clock::now()},
                       .started = std::chrono::steady_clock::now(),
                       .exporter = std::move(exporter)});
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
  ended->exporter->take(std::move(ended->record));
}

}  // namespace tracing
}  // namespace mamey::inline v1
