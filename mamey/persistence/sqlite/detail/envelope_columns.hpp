#pragma once

/// @file
/// The columns of an envelope, the same in every table that holds one.

#include <string>

#include <mamey/messaging/envelope.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// For CREATE TABLE. Times in microseconds, as the envelope has them; every column may be absent, so that releases can add some.
inline constexpr std::string_view envelope_definition =
    "message_id text, correlation_id text, causation_id text, type text, version integer, min_version integer, source text, occurred_at_us "
    "integer, "
    "key text, stream text, position integer, tenant text, content_type text, expires_at_us integer, traceparent text, user text, headers "
    "text, body text, "
    "exchange text, routing_key text";

/// For SELECT and INSERT, in the order of `bind_envelope`.
inline constexpr std::string_view envelope_columns =
    "message_id, correlation_id, causation_id, type, version, min_version, source, occurred_at_us, key, stream, position, tenant, "
    "content_type, "
    "expires_at_us, traceparent, user, headers, body, exchange, routing_key";
inline constexpr std::string_view envelope_parameters = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";
inline constexpr int envelope_width = 20;

/// JSON of the headers; empty when there are none. Keep it alive while the statement is bound.
std::string headers_text(const envelope& message);

void bind_envelope(statement& into, const envelope& message, const std::string& headers);
envelope read_envelope(const statement& from, int first);

/// As `envelope_of` reads one.
struct stored_row {
  const statement& row;
  std::string text(int column) const { return row.text(column); }
  std::string_view view(int column) const { return row.view(column); }
  std::int64_t integer(int column) const { return row.integer(column); }
  std::string bytes(int column) const { return row.text(column); }
  bool is_null(int column) const { return row.is_null(column); }
};

}  // namespace mamey::inline v1::sqlite_detail
