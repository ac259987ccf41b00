#pragma once

/// @file
/// The result of a plain query, fetched whole: the connection is free again before the caller sees the first row.

#include <functional>
#include <string>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

struct fetched_rows {
  std::vector<std::string> names;
  std::vector<std::vector<sql_value>> rows;
};

enum class allowed : std::uint8_t { reading, writing_too };

/// Throws `internal_error` when the rows hold more than `most_bytes`, and for a statement that writes and may not.
fetched_rows fetch_rows(connection& on, const sql_statement& statement, std::size_t most_bytes, allowed what);
void hand_out(fetched_rows&& fetched, const std::function<void(const sql_row&)>& each);

}  // namespace mamey::inline v1::sqlite_detail
