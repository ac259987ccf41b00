#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

#include <mamey/core/json.hpp>
#include <mamey/messaging/stored_headers.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

wall_time from_microseconds(std::int64_t count) { return wall_time(std::chrono::microseconds(count)); }

}  // namespace

std::string headers_text(const envelope& message) { return message.headers.empty() ? std::string() : json::to_string(message.headers); }

void bind_envelope(statement& into, const envelope& message, const std::string& headers) {
  into.bind(message.id)
      .bind(message.correlation_id)
      .bind(message.causation_id)
      .bind(message.type)
      .bind(message.version)
      .bind(message.min_version);
  into.bind(message.source)
      .bind(message.occurred_at.time_since_epoch().count())
      .bind(message.key)
      .bind(message.stream)
      .bind(message.position);
  into.bind(message.tenant).bind(message.content_type);
  if (message.expires_at)
    into.bind(message.expires_at->time_since_epoch().count());
  else
    into.bind_null();
  into.bind(message.traceparent).bind(message.user).bind(headers).bind(message.body).bind(message.exchange).bind(message.routing_key);
}

envelope read_envelope(const statement& from, int first) {
  int column = first;
  const auto text = [&] { return from.text(column++); };
  const auto integer = [&] { return from.integer(column++); };
  envelope message;
  message.id = text();
  message.correlation_id = text();
  message.causation_id = text();
  message.type = text();
  message.version = static_cast<int>(integer());
  message.min_version = static_cast<int>(integer());
  message.source = text();
  message.occurred_at = from_microseconds(integer());
  message.key = text();
  message.stream = text();
  message.position = integer();
  message.tenant = text();
  message.content_type = text();
  if (const auto expires = column++; !from.is_null(expires)) message.expires_at = from_microseconds(from.integer(expires));
  message.traceparent = text();
  message.user = text();
  message.headers = read_stored_headers(from.view(column++), message.id);
  message.body = text();
  message.exchange = text();
  message.routing_key = text();
  return message;
}

}  // namespace mamey::inline v1::sqlite_detail
