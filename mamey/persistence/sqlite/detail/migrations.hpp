#pragma once

/// @file
/// Versioned steps of a schema, each applied once, in order, under the database's lock.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/persistence/migration.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// Applies what is missing. Throws `unavailable` (start refused) when a step that was applied has changed since, when a step is missing
/// below one that was applied, or when one fails; what went before it stays applied. Steps known to the database only are those of a newer
/// release, which must suit this one.
void migrate(connection& on, std::string_view component, std::span<const sql_migration> steps, const store_clock& clock);

}  // namespace mamey::inline v1::sqlite_detail
