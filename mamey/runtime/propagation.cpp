#include <mamey/runtime/propagation.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include <mamey/core/json.hpp>
#include <mamey/core/text.hpp>
#include <mamey/core/utf8.hpp>
#include <mamey/runtime/active_span.hpp>
#include <mamey/runtime/baggage.hpp>
#include <mamey/runtime/correlation_context.hpp>
#include <mamey/runtime/tracestate.hpp>

namespace mamey::inline v1::propagation {
namespace {

constexpr std::size_t longest_id = 128;

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].what != static_cast<item>(i)) return false;
  }
  return true;
}
static_assert(is_in_order(), "row_of looks an item up by its position");

/// A bit for each length that a header of the table has: most headers of a request are none of them.
constexpr std::uint64_t lengths_of_headers() {
  std::uint64_t lengths = 0;
  for (const auto& each : table)
    lengths |= std::uint64_t{1} << each.http_header.size() | std::uint64_t{1} << each.second_http_header.size();
  return lengths & ~std::uint64_t{1};
}

/// The row of an HTTP header. The name of the correlation context is configured.
const row* row_of_header(std::string_view name, std::string_view correlation_context_header) noexcept {
  if (equal_ignoring_case(name, correlation_context_header)) return &row_of(item::correlation_context);
  if (name.size() >= 64 || ((lengths_of_headers() >> name.size()) & 1) == 0) return nullptr;
  for (const auto& each : table) {
    if (each.what == item::correlation_context) continue;
    if (equal_ignoring_case(name, each.http_header) || equal_ignoring_case(name, each.second_http_header)) return &each;
  }
  return nullptr;
}

/// The part of the correlation context of .NET Mamey (Convey) that matters here.
struct correlation_context {
  std::string correlation_id;
};

/// It goes into logs and out in headers: nothing that could break either.
bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_id && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_.:/+=").find(c) != std::string_view::npos;
  });
}

/// Names of tenants are the application's: any text that stores can keep and a log can show.
bool is_tenant(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_id && is_utf8_text(text) &&
         std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
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

/// What came, until it is known what else did.
struct arrived {
  std::string_view traceparent, correlation_id, request_id, correlation_context, tenant, timeout;
  std::string tracestate;  ///< several lines are one
  bool several_parents = false, several_tenants = false;

  void take(const row& found, std::string_view name, std::string_view value, ambient_context& into) {
    switch (found.what) {
      case item::trace:
        several_parents = several_parents || !traceparent.empty();
        traceparent = value;
        break;
      case item::tracestate:
        tracestate.append(tracestate.empty() || value.empty() ? "" : ",").append(value);
        break;
      case item::correlation_id:
        (equal_ignoring_case(name, found.second_http_header) ? request_id : correlation_id) = value;
        break;
      case item::baggage:
        read_baggage(into.baggage, value);
        break;
      case item::tenant:
        several_tenants = several_tenants || !tenant.empty();
        tenant = value;
        break;
      case item::correlation_context:
        correlation_context = value;
        break;
      case item::deadline:
        timeout = value;
        break;
      case item::causation_id:  // the id of what came
      case item::user:          // who believes the transport reads it
      case item::forwarded:
        break;
    }
  }

  std::optional<trace_context> trace() const {
    return traceparent.empty() || several_parents ? std::nullopt : trace_context::parse(traceparent);
  }
};

bool take_correlation_context(ambient_context& into, std::string_view text) {
  into.correlation_context = carried_context(text);
  correlation_context parsed;
  if (!json::read(into.correlation_context, model_of<correlation_context>(), &parsed, {.nulls = json::nulls::keep_value}).empty())
    return false;
  if (!is_id(parsed.correlation_id)) return false;
  into.correlation_id = std::move(parsed.correlation_id);
  return true;
}

void choose_correlation_id(ambient_context& into, const arrived& found) {
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

/// Writes the rows that cross to one side.
template <class Crosses, class Write>
void write_rows(Crosses crosses, Write write) {
  for (const auto& each : table) {
    if (crosses(each) == outgoing::always) write(each);
  }
}

}  // namespace

std::string_view source::attribute(item) const { return {}; }
void sink::move_header(std::string_view name, std::string&& value) { set_header(name, value); }
void sink::set_attribute(item, std::string) {}
std::string sink::text_of(const principal&) const { return {}; }

void receive_request(ambient_context& into, const source& from, const request_rules& rules, steady_time now) {
  into.causation_id.clear();
  into.user.reset();
  into.tenant.clear();
  into.tracestate.clear();
  into.baggage.clear();
  into.correlation_context.clear();
  into.foreign_headers.clear();
  into.service.assign(rules.root.service);

  arrived found;
  from.each_header([&](std::string_view name, std::string_view value) {
    const auto* const known = row_of_header(name, rules.correlation_context_header);
    if (!known || known->from_http == incoming::never) return;
    if (known->from_http == incoming::trusted && !rules.trusts_caller(*known)) return;
    found.take(*known, name, value, into);
  });
  const auto caller = found.trace();
  into.trace = caller ? caller->child() : tracing::begin_trace(rules.root);  // nobody can tell which of two spans called
  if (caller && !found.tracestate.empty()) into.tracestate = checked_tracestate(found.tracestate);
  choose_correlation_id(into, found);
  if (!found.several_tenants && is_tenant(found.tenant)) into.tenant = found.tenant;
  into.deadline = choose_deadline(found.timeout, rules.request_timeout, now);
}

ambient_context receive_message(const source& from, const message_rules& rules) {
  ambient_context into;
  arrived found;
  for (const auto& each : table) {
    if (each.in_message == place::attribute && each.from_message == incoming::always)
      found.take(each, each.message_name, from.attribute(each.what), into);
  }
  from.each_header([&](std::string_view name, std::string_view value) {
    for (const auto& each : table) {
      if (each.in_message == place::header && each.from_message == incoming::always && name == each.message_name)
        found.take(each, name, value, into);
    }
    if (std::ranges::find(rules.forwarded_headers, name) != rules.forwarded_headers.end()) into.foreign_headers.emplace(name, value);
  });
  const auto sender = found.trace();
  into.trace = sender ? *sender : tracing::begin_trace(rules.root);  // the handler's span becomes its child
  if (sender) into.tracestate = checked_tracestate(found.tracestate);
  into.correlation_id = found.correlation_id.empty() ? rules.message_id : found.correlation_id;
  into.correlation_context = found.correlation_context;
  into.tenant = found.tenant;
  into.causation_id = rules.message_id;
  into.service = rules.root.service;
  return into;
}

void send_with_request(const ambient_context& from, sink& to, const call_rules& rules) {
  const auto put = [&to](std::string_view name, std::string_view value) {
    if (!name.empty() && !value.empty() && !to.has_header(name)) to.set_header(name, value);
  };
  const bool names_trace = from.trace.valid() && !to.has_header(row_of(item::trace).http_header);
  write_rows([](const row& each) { return each.to_http; },
             [&](const row& each) {
               switch (each.what) {
                 case item::trace:  // sampled, it is the span of this try already
                   if (names_trace) put(each.http_header, (from.trace.sampled ? from.trace : from.trace.child()).to_traceparent());
                   break;
                 case item::tracestate:
                   if (names_trace) put(each.http_header, from.tracestate);
                   break;
                 case item::correlation_id:
                   put(rules.correlation_id_header, from.correlation_id);
                   break;
                 case item::baggage:
                   put(each.http_header, to_baggage_text(from.baggage));
                   break;
                 case item::tenant:
                   put(each.http_header, from.tenant);
                   break;
                 case item::correlation_context:
                   if (!rules.correlation_context_header.empty()) put(rules.correlation_context_header, to.correlation_context_of(from));
                   break;
                 case item::deadline:
                   if (!from.deadline) break;
                   if (const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*from.deadline - rules.now).count();
                       left > 0)
                     put(each.http_header, std::to_string(left));
                   break;
                 case item::user:
                 case item::causation_id:
                 case item::forwarded:
                   break;
               }
             });
}

void send_with_message(const ambient_context& from, sink& to) {
  const auto put = [&to](const row& about, std::string value) {
    if (value.empty()) return;
    if (about.in_message == place::attribute) return to.set_attribute(about.what, std::move(value));
    if (!to.has_header(about.message_name)) to.move_header(about.message_name, std::move(value));
  };
  write_rows([](const row& each) { return each.to_message; },
             [&](const row& each) {
               switch (each.what) {
                 case item::trace:
                   if (from.trace.valid()) put(each, from.trace.to_traceparent());
                   break;
                 case item::tracestate:
                   if (from.trace.valid()) put(each, from.tracestate);
                   break;
                 case item::correlation_id:
                   put(each, from.correlation_id);
                   break;
                 case item::causation_id:
                   put(each, from.causation_id);
                   break;
                 case item::baggage:
                   put(each, to_baggage_text(from.baggage));
                   break;
                 case item::tenant:
                   put(each, from.tenant);
                   break;
                 case item::user:
                   if (from.user) put(each, to.text_of(*from.user));
                   break;
                 case item::correlation_context:
                   put(each, to.correlation_context_of(from));
                   break;
                 case item::forwarded:
                   for (const auto& [name, value] : from.foreign_headers) {
                     if (!to.has_header(name)) to.set_header(name, value);
                   }
                   break;
                 case item::deadline:
                   break;
               }
             });
}

}  // namespace mamey::inline v1::propagation
