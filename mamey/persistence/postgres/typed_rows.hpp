#pragma once

/// @file
/// Plain SQL with the types of C++: `db.query({"select sku, price from stock where owner = ?", sql_parameters(owner)}, [&](const sql_row&
/// row) { items.push_back(row_as<StockItem>(row)); })`.

#include <concepts>
#include <string>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

namespace postgres_detail {
void read_row(const sql_row& row, const type_model& model, void* value);

template <class Value>
sql_value parameter(const Value& value) {
  if constexpr (std::same_as<Value, std::vector<std::byte>>)
    return value;
  else if constexpr (std::convertible_to<const Value&, std::string>)
    return std::string(value);
  else
    return column_value(model_of<Value>(), &value);
}
}  // namespace postgres_detail

/// Values for `?`: numbers, texts, bytes, enums by name, optionals (empty: null), uuid, decimal, times; structs and lists as JSON.
template <class... Values>
std::vector<sql_value> sql_parameters(const Values&... values) {
  return {postgres_detail::parameter(values)...};
}

/// A row as a reflected struct, by the names of its columns (`customer_id`); columns without a member are left out, and null or an absent
/// column leaves a member's initialiser. JSON columns fill structs, lists and dictionaries. Throws what `json::parse` throws for a value
/// that does not fit, naming the member.
template <class T>
T row_as(const sql_row& row) {
  T value{};
  postgres_detail::read_row(row, model_of<T>(), &value);
  return value;
}

}  // namespace mamey::inline v1
