#include <mamey/domain/column_times.hpp>

#include <algorithm>

#include <mamey/core/ascii.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {
namespace {

bool is_time(const indexed_column& column) { return column.member && held_type(column.member->type()).format == "date-time"; }

/// The seventh place of the second becomes 0; of a text that has as many places as it takes it goes.
void cut(sql_value& value) {
  static constexpr std::size_t point = 19, seventh = 26;
  auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr || text->size() <= seventh || (*text)[point] != '.') return;
  if (!std::ranges::all_of(text->substr(point + 1, seventh - point), &is_ascii_digit)) return;
  (*text)[seventh] = '0';
  if (text->size() > seventh + 1) return;
  while (text->ends_with('0')) text->pop_back();
  if (text->ends_with('.')) text->pop_back();
}

void cut(const collection& in, const std::string& column, sql_value& value) {
  const auto found = std::ranges::find(in.columns, column, &indexed_column::name);
  if (found != in.columns.end() && is_time(*found)) cut(value);
}

}  // namespace

void cut_times(const collection& of, document& content) {
  auto value = content.columns.begin();
  const auto cut_each = [&](const std::vector<indexed_column>& columns) {
    for (const auto& column : columns) {
      if (value == content.columns.end()) return;
      if (is_time(column)) cut(*value);
      ++value;
    }
  };
  cut_each(of.columns);
  if (of.mapped) cut_each(of.mapped->others);
}

void cut_times(const collection& in, document_write& bulk) {
  cut_times(in, bulk.where);
  for (auto& each : bulk.assigned) {
    if (each.member && held_type(each.member->type()).format == "date-time") cut(each.value);
  }
}

void cut_times(const collection& in, std::vector<column_condition>& where) {
  for (auto& each : where) {
    cut(in, each.column, each.value);
    for (auto& value : each.values) cut(in, each.column, value);
    cut_times(in, each.parts);
  }
}

const type_model& held_type(const type_model& declared) { return declared.kind == shape::optional ? declared.element() : declared; }

std::string narrow_texts(const type_model& type, const std::string& column) {
  if (type.format == "date-time") return "length(" + column + ") <> 28";
  if (type.format == "duration") return "length(" + column + ") <> case when " + column + " like '-%' then 26 else 25 end";
  return {};
}

void cut_times(const collection& in, document_query& query) {
  cut_times(in, query.where);
  if (query.after) cut(in, query.order_by, query.after->key);
}

}  // namespace mamey::inline v1
