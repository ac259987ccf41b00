#pragma once

/// @file
/// SQLite's result codes as errors of the one family.

#include <string>
#include <string_view>

struct sqlite3;

namespace mamey::inline v1::sqlite_detail {

/// `database` may be null. The reason names file, cause and, where it helps, the statement.
[[noreturn]] void throw_error(sqlite3* database, int code, const std::string& file, std::string_view sql);

/// The file could not be opened: `unavailable`, whatever the code.
[[noreturn]] void throw_open_error(sqlite3* database, int code, const std::string& file);

}  // namespace mamey::inline v1::sqlite_detail
