#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

#include <mamey/core/json.hpp>
#include <mamey/persistence/envelope_row.hpp>

namespace mamey::inline v1::sqlite_detail {
std::string headers_text(const envelope& message) {
  return message.headers.empty() ? std::string() : json::to_string(message.headers, {.unwritable = json::unwritable::replace});
}

void bind_envelope(statement& into, const envelope& message, const std::string& headers) {
  into.bind(message.id)
      .bind(message.correlation_id)
      .bind(message.causation_id)
      .bind(message.type)
      .bind(message.version)
      .bind(message.min_version);
  into.bind(message.source).bind(unix_microseconds(message.occurred_at)).bind(message.key).bind(message.stream).bind(message.position);
  into.bind(message.tenant).bind(message.content_type);
  if (message.expires_at)
    into.bind(unix_microseconds(*message.expires_at));
  else
    into.bind_null();
  into.bind(message.traceparent).bind(message.user).bind(headers).bind(message.body).bind(message.exchange).bind(message.routing_key);
}

envelope read_envelope(const statement& from, int first) { return envelope_of(stored_row{from}, first); }

}  // namespace mamey::inline v1::sqlite_detail
