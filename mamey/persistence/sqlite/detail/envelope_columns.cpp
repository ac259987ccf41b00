#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

#include <mamey/core/json.hpp>
#include <mamey/persistence/envelope_row.hpp>

namespace mamey::inline v1::sqlite_detail {
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
  struct {
    const statement& row;
    std::string text(int column) const { return row.text(column); }
    std::string_view view(int column) const { return row.view(column); }
    std::int64_t integer(int column) const { return row.integer(column); }
    std::string bytes(int column) const { return row.text(column); }
    bool is_null(int column) const { return row.is_null(column); }
  } const one{from};
  return envelope_of(one, first);
}

}  // namespace mamey::inline v1::sqlite_detail
