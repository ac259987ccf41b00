#pragma once

/// @file
/// For providers and the framework.
/// An envelope as columns, in the same order in every store.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/error_store.hpp>
#include <mamey/messaging/stored_headers.hpp>

namespace mamey::inline v1 {

/// SQL with `$envelope` replaced by the columns' definition, each time it stands there.
std::string with_envelope(std::string sql, std::string_view definition);

/// From the columns of `row` from `first` on. A row has `text`, `view`, `integer`, `bytes` and `is_null`, each of a column.
template <class Row>
envelope envelope_of(const Row& row, int first) {
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
  message.occurred_at = from_unix_microseconds(integer());
  message.key = text();
  message.stream = text();
  message.position = integer();
  message.tenant = text();
  message.content_type = text();
  if (const auto expires = column++; !row.is_null(expires)) message.expires_at = from_unix_microseconds(row.integer(expires));
  message.traceparent = text();
  message.user = text();
  message.headers = read_stored_headers(row.view(column++), message.id);
  message.body = row.bytes(column++);
  message.exchange = text();
  message.routing_key = text();
  return message;
}

/// Of `mamey_errors`, for SELECT and INSERT; the envelope's follow.
inline constexpr std::string_view error_columns =
    "id, subscription, inbox_message_id, error_code, error_reason, attempts, first_failed_at_us, failed_at_us, ";

/// From a row of `error_columns` and the envelope's; as for `envelope_of`.
template <class Row>
error_record error_record_of(const Row& row) {
  auto message = envelope_of(row, 8);
  return {.id = row.text(0),
          .key = {.subscription = row.text(1), .message_id = row.text(2), .tenant = message.tenant},
          .message = std::move(message),
          .error_code = row.text(3),
          .error_reason = row.text(4),
          .attempts = static_cast<int>(row.integer(5)),
          .first_failed_at = from_unix_microseconds(row.integer(6)),
          .failed_at = from_unix_microseconds(row.integer(7))};
}

}  // namespace mamey::inline v1
