#include <mamey/runtime/active_span.hpp>

namespace mamey::inline v1::tracing {

trace_context begin_trace(const new_root& root) { return trace_context::make_root(samples(root)); }

void active_span::begin(std::string_view name, span_kind kind) {
  auto& context = current_context();
  outer_ = context.trace;
  context.trace = outer_->valid() ? outer_->child() : begin_trace({.kind = kind, .name = name, .service = context.service});
  span_ = span(name, kind, place_of(context.trace), context.service);
}

void active_span::end() noexcept {
  span_.end();
  current_context().trace = *outer_;
}

}  // namespace mamey::inline v1::tracing
