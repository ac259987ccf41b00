#pragma once

/// @file
/// For providers and the framework.
/// The check of `sql_statement::expected_rows`, the same for every store.

#include <cstdint>
#include <string_view>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// Throws concurrency_conflict when the statement changed a different number of rows. The log names the statement; the answer to a client
/// does not.
void check_expected_rows(const sql_statement& statement, std::int64_t changed);

/// Throws the concurrency_conflict for a delayed message that is to be cancelled, and is handled now or gone.
[[noreturn]] void throw_not_waiting(std::string_view id);

}  // namespace mamey::inline v1
