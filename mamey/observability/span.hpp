#pragma once

/// @file
/// For services.
/// Tracing's front end: a span is a named piece of work with a place in a trace. Identifiers come from the ambient context, one folder up;
/// exporters (OTLP, Jaeger) plug in below.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
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

/// The place of a span in a trace. An empty `parent` makes it a root.
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

/// Takes finished spans. Any thread calls it, in the middle of its work: it must put the record into its own bounded queue and return.
class span_exporter {
 public:
  virtual ~span_exporter() = default;
  virtual void take(span_record&& record) noexcept = 0;
  /// Sends on what is still queued. Called when the application stops, in a fiber and under its deadline: it may suspend, and throw.
  virtual void flush() {}
};

/// Process-wide: replaces every exporter so far; with null (the initial value) nothing is recorded. A span goes to the exporters that were set
/// when it began.
void set_exporter(std::shared_ptr<span_exporter> exporter);
/// One more, which takes the spans of one service; an empty name: of all. Each of several gets its own copy.
void add_exporter(std::shared_ptr<span_exporter> exporter, std::string service = {});
/// It takes no span that begins from now on.
void remove_exporter(const span_exporter& exporter);

/// What is known of a trace when it begins.
struct new_root {
  /// `server`: a request; `consumer`: a message that no traced work sent; `internal`: a job, or work in the background.
  span_kind kind = span_kind::internal;
  std::string_view name = {};     ///< the path of the request, the name of the message, of the job or of the handler
  std::string_view service = {};  ///< the application
};

/// Whether a trace that begins here is recorded; what comes with a trace of its own keeps the decision of its beginning. Called by any
/// thread, for each trace that begins: it neither suspends nor throws.
using root_sampler = std::function<bool(const new_root& root)>;

/// Process-wide: decides about the traces that begin in one service; an empty sampler: no longer.
void set_sampler(std::string service, root_sampler sampler);
/// What the sampler of its service says; without one every trace is recorded. Everything that begins a trace asks here.
bool samples(const new_root& root);

/// One piece of work, from construction to `end` or destruction. When it is not sampled or there is no exporter, every function only
/// tests a pointer. Not for two threads at the same time.
class span {
 public:
  span() noexcept = default;
  span(std::string_view name, span_kind kind, const span_place& place, std::string_view service = {}) {
    if (place.sampled) begin(name, kind, place, service);
  }
  span(span&& other) noexcept = default;
  span& operator=(span&& other) noexcept;
  ~span() { end(); }

  /// Whether it will be exported: check this before making expensive attributes.
  bool recording() const noexcept { return live_ != nullptr; }
  /// Texts are cut at 4 KiB; attributes after the 64th are left out.
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
