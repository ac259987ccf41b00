#pragma once

/// @file
/// The order of documents as every store sorts them, for what a unit of work has recorded and no store has seen.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// Where a declared column stands among `document::columns`.
std::optional<std::size_t> column_index(const collection& in, std::string_view name);

/// What `of` is sorted by: the column's value; none for `id`.
sql_value sort_key(const collection& in, const document& of, std::string_view order_by);

/// Whether two ids are the same: those of a mapped table may be written in another case.
bool same_id(const collection& in, const std::string& left, const std::string& right);
/// Whether two values of a declared column are the same: `20.5` is `20.50` when they are decimals.
bool same_value(const collection& in, std::size_t column, const sql_value& left, const sql_value& right);

bool comes_before(const collection& in, const document& left, const document& right, const document_query& order);
/// Whether it comes after `order.after`.
bool comes_after(const collection& in, const document& candidate, const document_query& order);

}  // namespace mamey::inline v1
