#pragma once

/// @file
/// For features and services.
/// Spans as children of the ambient trace.

#include <optional>
#include <string_view>

#include <mamey/observability/span.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::tracing {

/// The place of `trace`, for a span with its own id.
inline span_place place_of(const trace_context& trace) noexcept {
  return {.trace = trace.trace_id, .id = trace.span_id, .parent = trace.parent_id, .sampled = trace.sampled};
}

/// A new trace, which is recorded if the sampler of its service says so. The only place where a trace begins.
trace_context begin_trace(const new_root& root);

/// A span for the work in a C++ scope. It is a child of the ambient trace and replaces it until the scope ends, so that calls, messages and
/// log lines inside belong to the span. A trace that is not sampled is not replaced. Where there is none, as in background work, a trace
/// begins with the span, and ends with it.
class active_span {
 public:
  active_span(std::string_view name, span_kind kind) {
    const auto& around = current_context().trace;
    if (around.sampled || !around.valid()) begin(name, kind);
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
