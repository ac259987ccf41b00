#pragma once

/// @file
/// Tracing's front end: a span is a named piece of work with a place in a trace. Identifiers come from the ambient context, one folder up;
/// exporters (OTLP, Jaeger) plug in below.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <mamey/core/text.hpp>

namespace mamey::inline v1 {
namespace tracing {

/// The sizes W3C Trace Context gives them.
using trace_id = std::array<std::uint8_t, 16>;
using span_id = std::array<std::uint8_t, 8>;

/// Where a span stands. An empty `parent` makes it a root.
struct span_place {
  tracing::trace_id trace{};
  tracing::span_id id{};
  tracing::span_id parent{};
  bool sampled = false;
};

/// Who started the work, as OpenTelemetry names it.
enum class span_kind : std::uint8_t { internal, server, client, producer, consumer };

using attribute_value = std::variant<bool, std::int64_t, double, std::string>;

/// A finished span.
struct span_record {
  std::string name;
  span_kind kind = span_kind::internal;
  span_place place;
  std::string service;
  std::chrono::system_clock::time_point start;
  std::chrono::nanoseconds duration{0};
  std::vector<std::pair<std::string, attribute_value>> attributes;
  std::string error;  ///< empty: it succeeded
};

/// Takes finished spans. Called by any thread, in the middle of its work: it puts the record into a bounded queue of its own and returns.
class span_exporter {
 public:
  virtual ~span_exporter() = default;
  virtual void take(span_record&& record) noexcept = 0;
};

/// Process-wide; null (the start) records nothing. Spans already begun go to the exporter of their beginning.
void set_exporter(std::shared_ptr<span_exporter> exporter);

/// One piece of work, from construction to `end` or destruction. Not sampled, or nobody exporting: every function is a test of a pointer.
/// Not for two threads at once.
class span {
 public:
  span() noexcept = default;
  span(std::string_view name, span_kind kind, const span_place& place, std::string_view service = {}) {
    if (place.sampled) begin(name, kind, place, service);
  }
  span(span&& other) noexcept = default;
  span& operator=(span&& other) noexcept;
  ~span() { end(); }

  /// Whether anybody will see it: for attributes that cost something to make.
  bool recording() const noexcept { return live_ != nullptr; }
  /// Texts are cut at 4 KiB; beyond 64 attributes the rest is left out.
  span& set(std::string_view name, const text_argument& value) {
    if (live_) record(name, value);
    return *this;
  }
  /// For a name that is known later than the beginning: a route.
  void rename(std::string_view name) {
    if (live_) record_name(name);
  }
  void fail(std::string_view reason) {
    if (live_) record_failure(reason);
  }
  void end() noexcept {
    if (live_) finish();
  }

 private:
  struct live;
  struct live_deleter {
    void operator()(live* object) const noexcept;
  };
  void begin(std::string_view name, span_kind kind, const span_place& place, std::string_view service);
  void record(std::string_view name, const text_argument& value);
  void record_failure(std::string_view reason);
  void record_name(std::string_view name);
  void finish() noexcept;
  std::unique_ptr<live, live_deleter> live_;
};

}  // namespace tracing
}  // namespace mamey::inline v1
