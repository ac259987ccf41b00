#pragma once

/// @file
/// SQLite's result codes as errors of the one family.

#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>

struct sqlite3;

namespace mamey::inline v1::sqlite_detail {

/// Values that are there already; the reason names the columns.
class taken_values final : public concurrency_conflict {
 public:
  taken_values(const std::string& table, std::vector<std::string> columns);
  const std::vector<std::string>& columns() const noexcept { return columns_; }  ///< empty: SQLite does not say

 private:
  std::vector<std::string> columns_;
};

/// `database` may be null. The reason names file, cause and, where it helps, the statement.
[[noreturn]] void throw_error(sqlite3* database, int code, const std::string& file, std::string_view sql);

/// The file could not be opened: `unavailable`, whatever the code.
[[noreturn]] void throw_open_error(sqlite3* database, int code, const std::string& file);

}  // namespace mamey::inline v1::sqlite_detail
