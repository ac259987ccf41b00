#pragma once

/// @file
/// The tables of collections: created, and extended when a release declares another column.

#include <span>
#include <string>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// `"name"`. Throws `internal_error` unless it is letters, digits and `_`, not beginning with a digit, at most 127 of them.
std::string quoted(const std::string& name);

/// Creates missing tables, columns and indexes, in one transaction. A column that was not declared before is filled from the bodies; one
/// that no longer is stays, unindexed, for the release that may come back.
void prepare_tables(connection& on, std::span<const collection* const> collections);

}  // namespace mamey::inline v1::sqlite_detail
