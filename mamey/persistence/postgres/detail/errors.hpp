#pragma once

/// @file
/// SQLSTATE as errors of the one family.

#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1::postgres_detail {

/// What the server said of a statement it refused.
struct server_error {
  std::string state;  ///< SQLSTATE; empty when libpq itself complained
  std::string message;
  std::string detail;
  std::string constraint;
  std::string table;
  std::string routine;  ///< the server's function that raised it: unlike the message it is the same in every language

  bool is_fatal() const noexcept;  ///< the server ends the session
};

/// Of values that are there already (23505): the columns, where the server says them. Never the values.
std::vector<std::string> taken_columns(const server_error& refused);

/// `sql`: the refused statement, shown where it helps.
[[noreturn]] void throw_error(const server_error& refused, std::string_view sql);

/// A unit that met one of these may be applied again as it is.
bool is_retryable(const server_error& refused) noexcept;  ///< deadlock, serialization failure
/// The prepared statement does not fit the tables any more (a migration), or is gone (a pooler): run it afresh on another connection.
bool is_stale_statement(const server_error& refused) noexcept;
/// A write met a session that takes none: the server has become a standby, or was set to read only. Another server may be the primary now.
bool is_read_only(const server_error& refused) noexcept;

/// The server ended the session because nobody had used it for long (`idle_session_timeout`): between two transactions.
bool ended_idle(const server_error& refused) noexcept;

// Raised by the framework's own functions in the database.
inline constexpr std::string_view unexpected_rows_state = "MA001";
// Of our own, said by no server.
inline constexpr std::string_view row_too_large_state = "MA002";

}  // namespace mamey::inline v1::postgres_detail
