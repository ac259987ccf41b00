#pragma once

/// @file
/// The columns of an envelope, the same in every table that holds one.

#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// For CREATE TABLE. Times in microseconds, as the envelope has them; every column may be absent, so that releases can add some. The body
/// is bytes: it is sent as it is stored.
inline constexpr std::string_view envelope_definition =
    "message_id text, correlation_id text, causation_id text, type text, version integer, min_version integer, source text, occurred_at_us "
    "bigint, key text collate \"C\", stream text, position bigint, tenant text, content_type text, expires_at_us bigint, traceparent text, "
    "principal text, headers text, body bytea, exchange text, routing_key text";

/// For SELECT and INSERT, in the order of `add_envelope`.
inline constexpr std::string_view envelope_columns =
    "message_id, correlation_id, causation_id, type, version, min_version, source, occurred_at_us, key, stream, position, tenant, "
    "content_type, expires_at_us, traceparent, principal, headers, body, exchange, routing_key";
inline constexpr int envelope_width = 20;

/// `envelope_columns` with `prefix` before each: `o.message_id, …`.
std::string envelope_columns_of(std::string_view prefix);
/// `$3, $4, …` for the columns, from `first` on.
std::string envelope_parameters(int first);

/// `a, b` ⇒ `a = excluded.a, b = excluded.b`: for a row that replaces.
std::string overwrite(std::string_view columns);

void add_envelope(parameters& to, const envelope& message);
envelope read_envelope(const rows& from, int row, int first);

/// As `envelope_of` reads one.
struct stored_row {
  const rows& all;
  int row;
  std::string text(int column) const { return all.text(row, column); }
  std::string_view view(int column) const { return all.view(row, column); }
  std::int64_t integer(int column) const { return all.integer(row, column); }
  std::string bytes(int column) const { return all.bytes(row, column); }
  bool is_null(int column) const { return all.is_null(row, column); }
};

}  // namespace mamey::inline v1::postgres_detail
