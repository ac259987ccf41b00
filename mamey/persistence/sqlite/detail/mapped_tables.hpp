#pragma once

/// @file
/// The tables of mapped collections, as the database describes them.

#include <span>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

/// Throws `unavailable` unless every mapped one of `collections` finds its table and columns as it expects them.
void check_mapped_tables(connection& on, std::span<const collection* const> collections);

}  // namespace mamey::inline v1::sqlite_detail
