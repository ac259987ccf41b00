#pragma once

/// @file
/// Messages kept for people.

#include <cstdint>
#include <string>
#include <vector>

#include <mamey/messaging/error_store.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// The same id replaces.
step insert_error(const error_record& record);
step finish_error(const std::string& id);
step list_errors(std::int64_t offset, std::int64_t limit);
step load_error(std::string_view id);
std::vector<error_record> read_errors(const rows& found);
step count_errors();
step clean_errors(std::int64_t keep_us, std::size_t most);

}  // namespace mamey::inline v1::postgres_detail
