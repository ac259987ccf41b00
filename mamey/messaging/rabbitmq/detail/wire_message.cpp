#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include <mamey/core/utf8.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/message_headers.hpp>
#include <mamey/messaging/rabbitmq/detail/delay_queues.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/correlation_context.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

constexpr std::string_view ours = "mamey-";  // whatever begins so is believed only of the message that it names
constexpr std::string_view id_header = "mamey-id";
constexpr std::string_view traceparent_header = "traceparent";
constexpr std::string_view tracestate_header = "tracestate";  // of the same trace, or of none

bool is_of_a_dead_letter(std::string_view name) { return name.starts_with("x-death") || name.starts_with("x-first-death-"); }

template <class Number>
Number number_of(std::string_view text, Number otherwise) {
  Number value{};
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  return wrong == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

std::string text_of(double real) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), real).ptr};
}

std::string text_of(const field_value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* real = std::get_if<double>(&value)) return text_of(*real);
  return {};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// To the width W3C wants: Jaeger drops leading zeros. Empty when it does not fit.
std::string padded(std::string_view hex, std::size_t width) {
  if (hex.empty() || hex.size() > width || !is_hex(hex)) return {};
  return std::string(width - hex.size(), '0') + std::string(hex);
}

/// Stores keep text. What is none could never be recorded, nor put aside: it would come again for ever. `headers` may stay what they are, since stores keep
/// them as JSON.
void make_text(envelope& message) {
  if (!is_utf8_text(message.id)) message.id = derived_id(message.id, "text");  // unlike other ids, and the same the next time
  for (auto* each : {&message.correlation_id, &message.causation_id, &message.type, &message.source, &message.key, &message.stream,
                     &message.tenant, &message.content_type, &message.traceparent, &message.user, &message.exchange, &message.routing_key})
    make_utf8_text(*each);
}

timestamp time_of(std::string_view microseconds, timestamp otherwise) {
  return from_unix_microseconds(std::max<std::int64_t>(number_of(microseconds, unix_microseconds(otherwise)), 0));
}

/// The context that goes out: the one that came, or was made for the user. `{}` is none.
std::string context_of(const envelope& message, const wire_format& format) {
  for (const auto name : {context_header, std::string_view(format.context_header)}) {
    if (const auto context = header_of(message, name); !context.empty()) return ascii_json(context);
  }
  return "{}";
}

/// Some publishers write the content type into the type. No type has a slash in it.
void take_for_content_type(envelope& message, const std::string& content_type) {
  if (message.type.find('/') == std::string::npos) return;
  if (content_type.empty()) message.content_type = message.type;
  message.type.clear();
}

/// Ids that are no UUID are numbers and names which another service may use as well: joined with where the message comes from and what it says, one is its own.
/// Stable: joining twice changes nothing. Ours are left alone: their ids are UUIDs, or were taken over from a service that made them.
void join_with_origin(envelope& message) {
  if (message.id.empty() || uuid::parse(message.id)) return;
  if (message.correlation_id.empty()) message.correlation_id = message.id;
  const auto& origin = message.source.empty() ? message.exchange : message.source;
  const auto front = origin + '/', back = '/' + derived_id(message.body, "body").substr(0, 8);
  if (message.id.starts_with(front) && message.id.ends_with(back)) return;
  auto joined = front + message.id + back;
  message.id = joined.size() <= longest_short_string ? std::move(joined) : derived_id(message.id, front + back);
}

/// One of our attributes; false for a header that is a header to us too.
bool take_attribute(envelope& into, std::string_view name, const std::string& value) {
  name.remove_prefix(ours.size());
  if (name == "id") return true;
  if (name == "version") return into.version = number_of(value, 1), true;
  if (name == "min-version") return into.min_version = number_of(value, 1), true;
  if (name == "causation-id") return into.causation_id = value, true;
  if (name == "occurred-at") return into.occurred_at = time_of(value, into.occurred_at), true;
  if (name == "key") return into.key = value, true;
  if (name == "stream") return into.stream = value, true;
  if (name == "position") return into.position = number_of<std::int64_t>(value, 0), true;
  if (name == "tenant") return into.tenant = value, true;
  if (name == "user") return into.user = value, true;
  if (name == "expires-at") {
    const auto at = number_of<std::int64_t>(value, std::numeric_limits<std::int64_t>::min());
    if (at != std::numeric_limits<std::int64_t>::min()) into.expires_at = time_of(value, {});
    return true;
  }
  return false;
}

bool looks_like_json(std::string_view body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  return first == body.npos || std::string_view("{[\"-0123456789tfn").find(body[first]) != std::string_view::npos;
}

}  // namespace

std::string span_context_of(std::string_view traceparent) {
  const auto trace = trace_context::parse(traceparent);  // .NET services lose a message whose span context they cannot read
  if (!trace) return {};
  const auto text = trace->to_traceparent();  // 00-<32 hex>-<16 hex>-<2 hex>
  return text.substr(3, 32) + ':' + text.substr(36, 16) + ":0:" + (trace->sampled ? '1' : '0');
}

std::string traceparent_of(std::string_view span_context) {
  std::string_view parts[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const auto colon = i < 3 ? span_context.find(':') : span_context.size();
    if (colon == std::string_view::npos) return {};
    parts[i] = span_context.substr(0, colon);
    span_context.remove_prefix(std::min(colon + 1, span_context.size()));
  }
  const auto trace = padded(parts[0], 32);
  const auto span = padded(parts[1], 16);
  if (trace.empty() || span.empty() || parts[3].empty() || parts[3].size() > 2 || !is_hex(parts[3])) return {};
  const bool sampled = ((parts[3].back() <= '9' ? parts[3].back() - '0' : parts[3].back() - 'a' + 10) & 1) != 0;
  return "00-" + trace + '-' + span + (sampled ? "-01" : "-00");
}

message_properties to_wire(const envelope& message, const wire_format& format) {
  message_properties out;
  out.content_type = message.content_type;
  out.delivery_mode = 2;  // whatever `messagesPersisted` says: this is a message somebody committed
  out.message_id = message.id;
  out.correlation_id = message.correlation_id;
  out.type = message.type;
  out.app_id = message.source;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(message.occurred_at).time_since_epoch().count();
  if (seconds > 0) out.timestamp = static_cast<std::uint64_t>(seconds);

  const auto put = [&](std::string_view name, std::string value) { out.headers.emplace_back(std::string(name), std::move(value)); };
  const auto put_set = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) put(name, value);
  };
  put(id_header, message.id);
  if (message.version != 1) put("mamey-version", std::to_string(message.version));
  if (message.min_version != 1) put("mamey-min-version", std::to_string(message.min_version));
  put_set("mamey-causation-id", message.causation_id);
  put("mamey-occurred-at", std::to_string(unix_microseconds(message.occurred_at)));
  put_set("mamey-key", message.key);
  put_set("mamey-stream", message.stream);
  if (message.position != 0) put("mamey-position", std::to_string(message.position));
  put_set("mamey-tenant", message.tenant);
  if (!message.user.empty()) {
    put("mamey-user", message.user);
    if (format.signatures) put(signature_header, format.signatures->of(message));
  }
  if (message.expires_at) put("mamey-expires-at", std::to_string(unix_microseconds(*message.expires_at)));
  put_set(traceparent_header, message.traceparent);
  put_set(format.span_context_header, span_context_of(message.traceparent));
  if (format.with_context) put(format.context_header, context_of(message, format));
  const auto own = out.headers.size();
  const auto is_own = [&](const std::string& name) {
    return std::ranges::any_of(std::span(out.headers).first(own), [&](const auto& each) { return each.first == name; });
  };
  for (const auto& [name, value] : message.headers) {
    if (name.empty() || name.size() > longest_short_string || is_of_a_dead_letter(name) || is_own(name)) continue;
    if (name == context_header || name == format.context_header) continue;
    if (name == format.span_context_header && traceparent_of(value).empty()) continue;
    put(name, value);
  }
  return out;
}

envelope from_wire(message_properties&& properties, std::string&& body, std::string_view exchange, std::string_view routing_key,
                   const wire_format& format) {
  envelope message;
  message.id = std::move(properties.message_id);
  message.correlation_id = std::move(properties.correlation_id);
  message.type = std::move(properties.type);
  message.source = std::move(properties.app_id);
  if (!properties.content_type.empty()) message.content_type = properties.content_type;
  constexpr std::uint64_t last_second = 253'402'300'799;  // of the year 9999
  if (properties.timestamp && *properties.timestamp <= last_second)
    message.occurred_at = wall_time(std::chrono::seconds(*properties.timestamp));
  message.body = std::move(body);
  message.exchange = exchange;
  message.routing_key = routing_key;

  const auto* const named = find_field(properties.headers, id_header);
  const bool copied = named && text_of(*named) != message.id;
  std::string span_context, signature;
  for (auto& [name, value] : properties.headers) {
    auto text = text_of(value);
    if (std::holds_alternative<std::monostate>(value)) continue;
    if (name == format.context_header) {
      if (!std::holds_alternative<std::string>(value)) continue;
      if (auto context = carried_context(text); !context.empty()) message.headers[std::string(context_header)] = std::move(context);
    } else if (name == context_header) {
      continue;  // somebody's header of the name that we keep the context by
    } else if (name == format.span_context_header) {
      span_context = std::move(text);
    } else if (name == traceparent_header) {
      if (!copied) message.traceparent = std::move(text);
    } else if (name == tracestate_header) {
      if (!copied) message.headers[name] = std::move(text);
    } else if (name == signature_header) {
      if (named && !copied) signature = std::move(text);
    } else if (name.starts_with(ours)) {
      // Without the one that names the message somebody else's word would be ours.
      if (named && !copied && !take_attribute(message, name, text)) message.headers[name] = std::move(text);
    } else {
      message.headers[name] = std::move(text);
    }
  }
  if (message.traceparent.empty()) {
    message.traceparent = traceparent_of(span_context);
    message.headers.erase(std::string(tracestate_header));
  }
  const auto first_exchange = take_first_exchange(message);
  // Of a message of ours the context may be that of somebody who called it anonymously: its user stands in a header of its own.
  if (!named || copied) message.user = header_of(message, context_header);
  // What comes through the default exchange may claim any origin: a user that a signature can vouch for needs it.
  const auto source = exchange.empty() && !format.signatures ? std::string_view(first_exchange) : exchange;
  const bool trusted = std::ranges::find(format.trusted_exchanges, source) != format.trusted_exchanges.end();
  if (!trusted && !(format.signatures && !message.id.empty() && format.signatures->matches(message, signature))) message.user.clear();
  // .NET services do not look at the property: JSON that says it for nothing is read, too. What is neither is damaged, and named so.
  if (properties.content_encoding == "gzip" && !looks_like_json(message.body)) message.headers[std::string(encoding_header)] = "gzip";
  take_for_content_type(message, properties.content_type);
  if (!named || copied) join_with_origin(message);
  make_text(message);
  return message;
}

}  // namespace mamey::inline v1::rabbitmq_detail
