#pragma once

/// @file
/// For the framework.
/// Plain SQL with the types of C++, for `database` and `transaction`: values as parameters, rows as structs.

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1::detail {

/// A parameter: what `sql_value` takes, and texts, bytes, optionals, structs, lists and dictionaries (as JSON).
template <class Value>
sql_value parameter(const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view>)
    return std::string(std::string_view(value));
  else if constexpr (std::is_convertible_v<const Value&, sql_value>)
    return value;
  else
    return parameter_of(model_of<Value>(), &value);
}

template <class... Values>
sql_statement statement_of(std::string_view text, const Values&... values) {
  return {.text = std::string(text), .parameters = {parameter(values)...}};
}

/// Reads rows of one query into objects of a model.
class row_reader {
 public:
  explicit row_reader(const type_model& model) : model_(&model) {}
  void read(const sql_row& row, void* object);

 private:
  void match(const sql_row& row);

  const type_model* model_;
  std::vector<const member_model*> members_;  ///< one per column
  bool matched_ = false;
};

/// Runs `query` and returns its rows as `T`.
template <class T, class Query>
std::vector<T> rows_of(Query&& query) {
  std::vector<T> rows;
  row_reader reader(model_of<T>());
  query([&](const sql_row& row) {
    T value{};
    reader.read(row, &value);
    rows.push_back(std::move(value));
  });
  return rows;
}

template <class Text>
concept sql_text = std::convertible_to<const Text&, std::string_view>;

}  // namespace mamey::inline v1::detail
