#pragma once

/// @file
/// The ambient context that a request begins with, out of its headers.

#include <chrono>
#include <string_view>

#include <mamey/http/message.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/web/detail/trusted_callers.hpp>

namespace mamey::inline v1::web::detail {

struct context_options {
  std::string_view correlation_context_header;  ///< empty: none
  std::chrono::milliseconds request_timeout;
  std::string_view service;  ///< the application that is served
  const trusted_callers& trusted;
};

/// Overwrites `into`, keeping its memory and its cancellation, by the table of propagation.hpp. Correlation id: of the correlation context
/// (JSON, member `correlationId`), X-Correlation-ID, X-Request-ID, else the trace's in digits, so that one id finds it all. Trace: a child
/// of `traceparent`, else a new root. Tenant: of trusted callers only. The correlation context is kept as it came, to be passed on; nobody
/// is believed for it.
void begin_context(ambient_context& into, const http::request& request, const context_options& options, steady_time now);

}  // namespace mamey::inline v1::web::detail
