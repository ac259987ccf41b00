#include <mamey/web/detail/request_context.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/correlation_context.hpp>
#include <mamey/runtime/tracestate.hpp>

namespace mamey::inline v1::web::detail {
namespace {

constexpr std::size_t longest_id = 128;

/// The part of the correlation context of .NET Mamey (Convey) that matters here.
struct correlation_context {
  std::string correlation_id;
};

struct found_headers {
  std::string_view traceparent, request_id, correlation_id, correlation_context, timeout;
  bool several_parents = false;
  bool tracestate = false, baggage = false;  ///< there, on one line or on several
};

found_headers look_up(const http::request& request, std::string_view correlation_context_header) {
  found_headers found;
  for (const auto& [name, value] : request.headers()) {
    const auto is = [&name](std::string_view wanted) { return equal_ignoring_case(name, wanted); };
    if (is(correlation_context_header)) {  // may be named as one likes
      found.correlation_context = value;
      continue;
    }
    if (name.size() < 7) continue;  // most of the usual ones are not ours
    if (is("traceparent")) {
      found.several_parents = !found.traceparent.empty();
      found.traceparent = value;
    } else if (is("tracestate"))
      found.tracestate = true;
    else if (is("baggage"))
      found.baggage = true;
    else if (is("x-request-id"))
      found.request_id = value;
    else if (is("x-correlation-id"))
      found.correlation_id = value;
    else if (is("x-request-timeout"))
      found.timeout = value;
  }
  return found;
}

template <class Visit>
void each_line(const http::request& request, std::string_view wanted, Visit visit) {
  for (const auto& [name, value] : request.headers()) {
    if (equal_ignoring_case(name, wanted)) visit(value);
  }
}

/// A child of the caller's span with what tracing systems want to find again; a new root where nobody can tell which span called.
void take_trace(ambient_context& into, const http::request& request, const found_headers& found) {
  const auto caller = found.traceparent.empty() || found.several_parents ? std::nullopt : trace_context::parse(found.traceparent);
  into.trace = caller ? caller->child() : trace_context::make_root();
  if (!caller || !found.tracestate) return;
  std::string lines;
  each_line(request, "tracestate", [&](std::string_view line) { lines.append(lines.empty() || line.empty() ? "" : ",").append(line); });
  into.tracestate = checked_tracestate(lines);
}

/// It goes into logs and out in headers: nothing that could break either.
bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_id && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_.:/+=").find(c) != std::string_view::npos;
  });
}

/// As to_string does, but into memory that is there already.
void write_trace_id(std::string& into, const trace_context& trace) {
  static constexpr char digits[] = "0123456789abcdef";
  into.resize(trace.trace_id.size() * 2);
  for (std::size_t i = 0; i < trace.trace_id.size(); ++i) {
    into[2 * i] = digits[trace.trace_id[i] >> 4];
    into[2 * i + 1] = digits[trace.trace_id[i] & 15];
  }
}

bool take_correlation_context(ambient_context& into, std::string_view text) {
  into.correlation_context = carried_context(text);
  correlation_context parsed;
  if (!json::read(into.correlation_context, model_of<correlation_context>(), &parsed, {.nulls = json::nulls::keep_value}).empty())
    return false;
  if (!is_id(parsed.correlation_id)) return false;
  into.correlation_id = std::move(parsed.correlation_id);
  return true;
}

void choose_correlation_id(ambient_context& into, const found_headers& found) {
  if (!found.correlation_context.empty() && take_correlation_context(into, found.correlation_context)) return;
  if (is_id(found.correlation_id)) {
    into.correlation_id = found.correlation_id;
  } else if (is_id(found.request_id)) {
    into.correlation_id = found.request_id;
  } else {
    write_trace_id(into.correlation_id, into.trace);
  }
}

std::optional<steady_time> choose_deadline(std::string_view asked, std::chrono::milliseconds allowed, steady_time now) {
  auto span = allowed;
  std::uint32_t wanted = 0;
  const auto [end, error] = std::from_chars(asked.data(), asked.data() + asked.size(), wanted);
  const bool is_given = !asked.empty() && error == std::errc{} && end == asked.data() + asked.size() && wanted > 0;
  if (is_given && (allowed.count() == 0 || std::chrono::milliseconds(wanted) < allowed)) span = std::chrono::milliseconds(wanted);
  if (span.count() == 0) return std::nullopt;
  return saturating_add(now, span);
}

}  // namespace

void begin_context(ambient_context& into, const http::request& request, const context_options& options, steady_time now) {
  into.causation_id.clear();
  into.user.reset();
  into.tenant.clear();
  into.tracestate.clear();
  into.baggage.clear();
  into.correlation_context.clear();
  into.foreign_headers.clear();
  into.service.clear();

  const auto found = look_up(request, options.correlation_context_header);
  take_trace(into, request, found);
  choose_correlation_id(into, found);
  if (found.baggage) each_line(request, "baggage", [&](std::string_view line) { read_baggage(into.baggage, line); });
  into.deadline = choose_deadline(found.timeout, options.request_timeout, now);
}

}  // namespace mamey::inline v1::web::detail
