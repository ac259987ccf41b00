#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

#include <algorithm>

#include <mamey/core/json.hpp>
#include <mamey/messaging/stored_headers.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

wall_time from_microseconds(std::int64_t count) { return wall_time(std::chrono::microseconds(count)); }

}  // namespace

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
  to.add(message.source).add(message.occurred_at.time_since_epoch().count()).add(message.key).add(message.stream).add(message.position);
  to.add(message.tenant).add(message.content_type);
  if (message.expires_at)
    to.add(message.expires_at->time_since_epoch().count());
  else
    to.add_null();
  to.add(message.traceparent).add(message.user);
  to.add(message.headers.empty() ? std::string() : json::to_string(message.headers));
  to.add_bytes(message.body).add(message.exchange).add(message.routing_key);
}

envelope read_envelope(const rows& from, int row, int first) {
  int column = first;
  const auto text = [&] { return from.text(row, column++); };
  const auto integer = [&] { return from.integer(row, column++); };
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
  if (const auto expires = column++; !from.is_null(row, expires)) message.expires_at = from_microseconds(from.integer(row, expires));
  message.traceparent = text();
  message.user = text();
  message.headers = read_stored_headers(from.view(row, column++), message.id);
  message.body = from.bytes(row, column++);
  message.exchange = text();
  message.routing_key = text();
  return message;
}

}  // namespace mamey::inline v1::postgres_detail
