#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

#include <algorithm>

#include <mamey/core/json.hpp>
#include <mamey/persistence/envelope_row.hpp>

namespace mamey::inline v1::postgres_detail {
std::string envelope_columns_of(std::string_view prefix) {
  std::string text(prefix);
  for (const char c : envelope_columns) {
    text += c;
    if (c == ' ') text += prefix;
  }
  return text;
}

std::string envelope_parameters(int first) {
  std::string text;
  for (int i = 0; i < envelope_width; ++i) text += (i > 0 ? ", $" : "$") + std::to_string(first + i);
  return text;
}

std::string overwrite(std::string_view columns) {
  std::string text;
  while (!columns.empty()) {
    const auto end = std::min(columns.find(", "), columns.size());
    const std::string column(columns.substr(0, end));
    text += (text.empty() ? "" : ", ") + column + " = excluded." + column;
    columns.remove_prefix(std::min(end + 2, columns.size()));
  }
  return text;
}

void add_envelope(parameters& to, const envelope& message) {
  to.add(message.id).add(message.correlation_id).add(message.causation_id).add(message.type).add(message.version).add(message.min_version);
  to.add(message.source).add(unix_microseconds(message.occurred_at)).add(message.key).add(message.stream).add(message.position);
  to.add(message.tenant).add(message.content_type);
  if (message.expires_at)
    to.add(unix_microseconds(*message.expires_at));
  else
    to.add_null();
  to.add(message.traceparent).add(message.user);
  to.add(message.headers.empty() ? std::string() : json::to_string(message.headers, {.unwritable = json::unwritable::replace}));
  to.add_bytes(message.body).add(message.exchange).add(message.routing_key);
}

envelope read_envelope(const rows& from, int row, int first) { return envelope_of(stored_row{from, row}, first); }

}  // namespace mamey::inline v1::postgres_detail
