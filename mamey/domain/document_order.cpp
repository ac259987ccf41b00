#include <mamey/domain/document_order.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
#include <functional>
#include <string>
#include <utility>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/column_times.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {
namespace {

std::partial_ordering compare_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::lexicographical_compare_three_way(left.begin(), left.end(), right.begin(), right.end(),
                                                [&](char a, char b) { return lower(a) <=> lower(b); });
}

/// Decimals and times travel as text and are compared as what they are.
std::partial_ordering compare_texts(const std::string& left, const std::string& right, const type_model* type) {
  if (type && type->written_as_number) {
    const auto a = decimal::parse(left), b = decimal::parse(right);
    if (a && b) return *a <=> *b;
  }
  if (type && type->format == "uuid") return compare_ignoring_case(left, right);
  // `…:05Z` is before `…:05.6Z`.
  const auto end = [&](const std::string& text) {
    return type && type->format == "date-time" && text.ends_with('Z') ? text.size() - 1 : text.size();
  };
  return std::string_view(left).substr(0, end(left)) <=> std::string_view(right).substr(0, end(right));
}

std::partial_ordering compare_values(const sql_value& left, const sql_value& right, const type_model* type) {
  const auto* const a = std::get_if<std::string>(&left);
  const auto* const b = std::get_if<std::string>(&right);
  if (a && b) return compare_texts(*a, *b, type);
  // As PostgreSQL sorts them: NaN, which somebody else may have written, is itself and behind all others.
  const auto is_nan = [](const sql_value& value) {
    const auto* const real = std::get_if<double>(&value);
    return real && std::isnan(*real);
  };
  if (is_nan(left) && is_nan(right)) return std::partial_ordering::equivalent;
  if (is_nan(left) && std::holds_alternative<double>(right)) return std::partial_ordering::greater;
  if (is_nan(right) && std::holds_alternative<double>(left)) return std::partial_ordering::less;
  // A column of SQLite may hold 2.0 as the integer 2.
  const auto* const whole_left = std::get_if<std::int64_t>(&left);
  const auto* const whole_right = std::get_if<std::int64_t>(&right);
  if (whole_left && std::holds_alternative<double>(right)) return static_cast<double>(*whole_left) <=> std::get<double>(right);
  if (whole_right && std::holds_alternative<double>(left)) return std::get<double>(left) <=> static_cast<double>(*whole_right);
  return left < right ? std::partial_ordering::less : right < left ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

struct place_view {
  const sql_value& key;
  const std::string& id;
};

const type_model* type_of(const member_model* member) { return member ? &held_type(member->type()) : nullptr; }

/// Ours are texts; a mapped table may have numbers.
std::partial_ordering compare_ids(const collection& in, const std::string& left, const std::string& right) {
  if (!in.mapped) return left <=> right;
  const bool numbers = content_of(*in.mapped->id_type, {}) == column_content::integer;
  const auto a = numbers ? decimal::parse(left) : std::nullopt, b = numbers ? decimal::parse(right) : std::nullopt;
  return a && b ? *a <=> *b : compare_texts(left, right, in.mapped->id_type);
}

std::partial_ordering compare_places(const collection& in, const place_view& left, const place_view& right, const document_query& order) {
  const auto column = column_index(in, order.order_by);
  const auto by_key = compare_values(left.key, right.key,
                                     type_of(order.unindexed ? order.unindexed
                                             : column        ? in.columns[*column].member
                                                             : nullptr));
  if (by_key != 0) return by_key;
  return compare_ids(in, left.id, right.id);
}

}  // namespace

std::optional<std::size_t> column_index(const collection& in, std::string_view name) {
  const auto found = std::ranges::find(in.columns, name, &indexed_column::name);
  if (found == in.columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - in.columns.begin());
}

sql_value sort_key(const collection& in, const document& of, const document_query& order) {
  if (order.unindexed) return member_value(in, of, *order.unindexed);
  const auto index = column_index(in, order.order_by);
  return index ? of.columns[*index] : sql_value();
}

std::string id_key(const collection& in, std::string_view id) {
  std::string key(id);
  if (!in.mapped) return key;
  if (in.mapped->id_type->format == "uuid")
    std::ranges::transform(key, key.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (in.mapped->id_type->format == "date-time" && key.ends_with('Z')) key.pop_back();
  if (content_of(*in.mapped->id_type, {}) == column_content::integer) {
    if (const auto number = decimal::parse(key)) return to_string(*number);
  }
  return key;
}

namespace {

bool meets(condition_kind how, std::partial_ordering found) {
  switch (how) {
    case condition_kind::less:
      return found < 0;
    case condition_kind::at_most:
      return found <= 0;
    case condition_kind::greater:
      return found > 0;
    case condition_kind::at_least:
      return found >= 0;
    default:
      return found == 0;
  }
}

bool meets(const collection& in, const document& found, const column_condition& condition) {
  const auto holds = [&](const column_condition& part) { return meets(in, found, part); };
  switch (condition.how) {
    case condition_kind::every:
      return std::ranges::all_of(condition.parts, holds);
    case condition_kind::some:
      return std::ranges::any_of(condition.parts, holds);
    case condition_kind::none:
      return std::ranges::none_of(condition.parts, holds);
    default:
      break;
  }
  std::function<std::partial_ordering(const sql_value&)> compare;
  if (condition.column == "id") {
    compare = [&](const sql_value& with) { return compare_ids(in, found.id, std::get<std::string>(with)); };
  } else {
    const auto index = column_index(in, condition.column);
    if (!index) return false;
    const auto& held = found.columns.at(*index);
    if (held.is_null() || (condition.value.is_null() && condition.how != condition_kind::one_of))
      return condition.how == condition_kind::equal && held.is_null() && condition.value.is_null();
    compare = [&held, type = type_of(in.columns[*index].member)](const sql_value& with) { return compare_values(held, with, type); };
  }
  if (condition.how == condition_kind::one_of)
    return std::ranges::any_of(condition.values, [&](const sql_value& each) { return compare(each) == 0; });
  return meets(condition.how, compare(condition.value));
}

}  // namespace

bool meets(const collection& in, const document& found, std::span<const column_condition> where) {
  return std::ranges::all_of(where, [&](const column_condition& each) { return meets(in, found, each); });
}

bool has_order(const member_model& member) {
  const auto& declared = member.type();
  const auto& type = declared.kind == shape::optional ? declared.element() : declared;
  return type.kind != shape::object && type.kind != shape::list && type.kind != shape::dictionary && type.kind != shape::optional &&
         !type.written_as_json;
}

std::vector<std::string> sortable_names(const collection& in) {
  std::vector<std::string> names;
  for (const auto& each : in.model->members) {
    if (has_order(each)) names.emplace_back(each.wire_name);
  }
  return names;
}

void sort_documents(std::vector<document>& all, const collection& in, const document_query& order) {
  std::vector<std::pair<sql_value, document>> keyed;  // a key may have to be read out of a body: once each
  keyed.reserve(all.size());
  for (auto& each : all) {
    auto key = sort_key(in, each, order);
    keyed.emplace_back(std::move(key), std::move(each));
  }
  std::ranges::stable_sort(keyed, [&](const auto& left, const auto& right) {
    const auto found = compare_places(in, {left.first, left.second.id}, {right.first, right.second.id}, order);
    return order.ascending ? found < 0 : found > 0;
  });
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = std::move(keyed[i].second);
}

bool comes_after(const collection& in, const document& candidate, const document_query& order) {
  const auto key = sort_key(in, candidate, order);
  const auto found = compare_places(in, {key, candidate.id}, {order.after->key, order.after->id}, order);
  return order.ascending ? found > 0 : found < 0;
}

}  // namespace mamey::inline v1
