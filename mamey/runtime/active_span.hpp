#pragma once

/// @file
/// Spans with the place that the ambient context gives them.

#include <optional>
#include <string_view>

#include <mamey/observability/span.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::tracing {

/// Where `trace` stands, for a span of its own id.
inline span_place place_of(const trace_context& trace) noexcept {
  return {.trace = trace.trace_id, .id = trace.span_id, .parent = trace.parent_id, .sampled = trace.sampled};
}

/// A span of the work in its scope: child of the ambient trace, which it replaces meanwhile, so that calls, messages and log lines inside belong to it.
/// A trace that is not sampled stays as it is.
class active_span {
 public:
  active_span(std::string_view name, span_kind kind) {
    if (current_context().trace.sampled) begin(name, kind);
  }
  ~active_span() {
    if (outer_) end();
  }
  active_span(const active_span&) = delete;
  active_span& operator=(const active_span&) = delete;

  span* operator->() noexcept { return &span_; }

 private:
  void begin(std::string_view name, span_kind kind);
  void end() noexcept;

  std::optional<trace_context> outer_;
  span span_;
};

}  // namespace mamey::inline v1::tracing
