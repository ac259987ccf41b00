#pragma once

/// @file
/// Messages kept for people.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <mamey/messaging/error_store.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// The same id replaces.
void insert_error(connection& on, const error_record& record);
std::vector<error_record> list_errors(connection& on, std::int64_t offset, std::int64_t limit);
std::optional<error_record> load_error(connection& on, std::string_view id);
std::int64_t count_errors(connection& on);
/// Deletes up to `most` that failed before; returns how many.
std::size_t clean_errors(connection& on, wall_time before, std::size_t most);

}  // namespace mamey::inline v1::sqlite_detail
