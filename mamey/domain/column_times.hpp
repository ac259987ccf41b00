#pragma once

/// @file
/// For providers and the framework.
/// Times and durations in columns. Where a column holds microseconds only, smaller parts are cut before a value is written or searched for.
/// Texts in columns sort as the values do.

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// Cuts the columns; a body keeps the whole value.
void cut_times(const collection& of, document& content);
/// Cuts the conditions of a query, and the place after which it begins.
void cut_times(const collection& in, document_query& query);
void cut_times(const collection& in, std::vector<column_condition>& where);
/// Cuts the conditions and the new values of an `update_where`, and the conditions of a `remove_where`.
void cut_times(const collection& in, document_write& bulk);

/// What an optional may hold; any other type is its own.
const type_model& held_type(const type_model& declared);

/// An SQL condition: true for a text in the column that an earlier release wrote with a variable number of places. Empty for a type whose
/// texts have not changed.
std::string narrow_texts(const type_model& type, const std::string& column);

}  // namespace mamey::inline v1
