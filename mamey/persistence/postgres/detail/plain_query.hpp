#pragma once

/// @file
/// The result of a plain query, fetched whole: the connection is free again before the caller sees the first row.

#include <functional>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// Throws `internal_error` when rows were dropped.
void hand_out(const step& answered, const std::function<void(const sql_row&)>& each);

}  // namespace mamey::inline v1::postgres_detail
