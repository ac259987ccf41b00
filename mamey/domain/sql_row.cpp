#include <mamey/domain/document.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/domain/column_decimals.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {
namespace {

std::string described(const sql_value& value) {
  constexpr std::size_t most = 40;
  struct visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(std::int64_t number) const { return "the integer " + std::to_string(number); }
    std::string operator()(double number) const { return "the number " + std::to_string(number); }
    std::string operator()(const std::string& text) const {
      return "the text \"" + (text.size() > most ? text.substr(0, most) + "…" : text) + "\"";
    }
    std::string operator()(const std::vector<std::byte>& bytes) const { return std::to_string(bytes.size()) + " bytes"; }
  };
  return std::visit(visitor{},
                    static_cast<const std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::byte>>&>(value));
}

std::string column_of(const sql_row& row, std::size_t index) {
  return index < row.names.size() && !row.names[index].empty() ? "column " + row.names[index] : "column number " + std::to_string(index);
}

}  // namespace

std::string detail::try_column(const sql_row& row, std::size_t index, const type_model& type, void* object) {
  if (index >= row.values.size())
    throw internal_error("no_column", "column number {} was asked for, but the row has {}, numbered from 0", index, row.values.size());
  const auto& value = row.values[index];
  const bool is_null = std::holds_alternative<std::monostate>(value) && type.kind != shape::optional;
  const auto read = [&] {
    const auto* const text = is_decimal(type) ? std::get_if<std::string>(&value) : nullptr;
    return read_mapped_value(text ? sql_value(shown_decimal(*text)) : value, type, object);  // it may be a column of ours
  };
  const auto expected = is_null ? "std::optional, or `is not null` in the statement" : read();
  if (expected.empty()) return {};
  return column_of(row, index) + " holds " + described(value) + ", and a " + std::string(unqualified(type.key->name)) +
         " was asked for: expected " + std::string(expected);
}

void detail::read_column(const sql_row& row, std::size_t index, const type_model& type, void* object) {
  const auto wrong = try_column(row, index, type, object);
  if (!wrong.empty()) throw internal_error("column_mismatch", "{}", wrong);
}

std::size_t detail::column_index(const sql_row& row, std::string_view column) {
  const auto found = std::ranges::find(row.names, column);
  if (found != row.names.end()) return static_cast<std::size_t>(found - row.names.begin());
  std::string there;
  for (const auto& each : row.names) there += (there.empty() ? "" : ", ") + each;
  throw internal_error("no_column", "column {} was asked for, but the row has {}{}", column, there.empty() ? "none" : there,
                       suggestion(column, {row.names.begin(), row.names.end()}));
}

}  // namespace mamey::inline v1
