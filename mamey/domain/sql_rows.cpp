#include <mamey/domain/sql_rows.hpp>

#include <algorithm>
#include <limits>

#include <mamey/core/error.hpp>
#include <mamey/core/suggestion.hpp>
#include <mamey/core/text.hpp>
#include <mamey/domain/collection.hpp>

namespace mamey::inline v1::detail {
namespace {

bool is_bytes(const type_model& type) {
  return type.kind == shape::list && type.element().kind == shape::unsigned_integer && type.element().width == 1;
}

bool is_named(const member_model& member, std::string_view column) {
  return equal_ignoring_case(member.name, column) || equal_ignoring_case(member.wire_name, column);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& each : names) text += (text.empty() ? "" : ", ") + each;
  return text.empty() ? "none" : text;
}

}  // namespace

sql_value parameter_of(const type_model& model, const void* value) {
  if (model.kind == shape::optional) {
    const void* const inside = model.get(value);
    return inside ? parameter_of(model.element(), inside) : sql_value();
  }
  if (is_bytes(model)) {
    std::vector<std::byte> bytes(model.count(value));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = *static_cast<const std::byte*>(model.at(value, i));
    return bytes;
  }
  auto made = column_value(model, value);
  if (const auto* number = std::get_if<std::int64_t>(&made); number && *number < 0 && model.kind == shape::unsigned_integer)
    throw internal_error("value_too_big", "a parameter of SQL is at most {}", std::numeric_limits<std::int64_t>::max());
  return made;
}

/// Every column has its member, and every member its column.
void row_reader::match(const sql_row& row) {
  const auto type = unqualified(model_->key->name);
  std::vector<std::string> names, columns(row.names.begin(), row.names.end());
  for (const auto& each : model_->members) names.emplace_back(each.name);
  for (const auto& column : columns) {
    const auto found = std::ranges::find_if(model_->members, [&](const auto& each) { return is_named(each, column); });
    if (found == model_->members.end()) {
      throw internal_error(
          "row_mismatch",
          "the query gives a column {}, and {} has no member of this name: it has {}{}. Select the columns by name, or rename with `as`",
          column, type, joined(names), suggestion(column, {names.begin(), names.end()}));
    }
    if (std::ranges::find(members_, &*found) != members_.end())
      throw internal_error("row_mismatch", "the query gives two columns for the member {} of {}: {}", found->name, type, joined(columns));
    members_.push_back(&*found);
  }
  for (const auto& member : model_->members) {
    if (std::ranges::find(members_, &member) == members_.end()) {
      throw internal_error("row_mismatch", "{} has a member {}, and the query gives no column of this name: it gives {}{}", type,
                           member.name, joined(columns), suggestion(member.name, {columns.begin(), columns.end()}));
    }
  }
}

void row_reader::read(const sql_row& row, void* object) {
  if (model_->kind != shape::object) {
    if (row.values.size() != 1)
      throw internal_error("row_mismatch", "a {} takes one column, and the query gives {}: {}", unqualified(model_->key->name),
                           row.values.size(), joined({row.names.begin(), row.names.end()}));
    return read_column(row, 0, *model_, object);
  }
  if (!matched_) match(row);
  matched_ = true;
  for (std::size_t column = 0; column < members_.size(); ++column) {
    const auto& member = *members_[column];
    auto* const at = static_cast<std::byte*>(object) + member.offset;
    const auto wrong = try_column(row, column, member.type(), at);
    if (wrong.empty()) continue;
    throw internal_error("column_mismatch", "{}, for the member {} of {}", wrong, member.name, unqualified(model_->key->name));
  }
}

}  // namespace mamey::inline v1::detail
