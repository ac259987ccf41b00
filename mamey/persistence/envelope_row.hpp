#pragma once

/// @file
/// An envelope as columns, whose order is the same in every store.

#include <chrono>
#include <string>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/stored_headers.hpp>

namespace mamey::inline v1 {

/// From the columns of `row` from `first` on. A row has `text`, `view`, `integer`, `bytes` and `is_null`, each of a column.
template <class Row>
envelope envelope_of(const Row& row, int first) {
  const auto time_of = [](std::int64_t microseconds) { return wall_time(std::chrono::microseconds(microseconds)); };
  int column = first;
  const auto text = [&] { return row.text(column++); };
  const auto integer = [&] { return row.integer(column++); };
  envelope message;
  message.id = text();
  message.correlation_id = text();
  message.causation_id = text();
  message.type = text();
  message.version = static_cast<int>(integer());
  message.min_version = static_cast<int>(integer());
  message.source = text();
  message.occurred_at = time_of(integer());
  message.key = text();
  message.stream = text();
  message.position = integer();
  message.tenant = text();
  message.content_type = text();
  if (const auto expires = column++; !row.is_null(expires)) message.expires_at = time_of(row.integer(expires));
  message.traceparent = text();
  message.user = text();
  message.headers = read_stored_headers(row.view(column++), message.id);
  message.body = row.bytes(column++);
  message.exchange = text();
  message.routing_key = text();
  return message;
}

}  // namespace mamey::inline v1
