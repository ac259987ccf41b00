#include <mamey/domain/document_order.hpp>

#include <algorithm>
#include <compare>
#include <string>

#include <mamey/core/decimal.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {
namespace {

std::partial_ordering compare_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::lexicographical_compare_three_way(left.begin(), left.end(), right.begin(), right.end(), [&](char a, char b) { return lower(a) <=> lower(b); });
}

/// Decimals and times travel as text and are compared as what they are.
std::partial_ordering compare_texts(const std::string& left, const std::string& right, const type_model* type) {
  if (type && type->written_as_number) {
    const auto a = decimal::parse(left), b = decimal::parse(right);
    if (a && b) return *a <=> *b;
  }
  if (type && type->format == "uuid") return compare_ignoring_case(left, right);
  // `…:05Z` is before `…:05.6Z`.
  const auto end = [&](const std::string& text) { return type && type->format == "date-time" && text.ends_with('Z') ? text.size() - 1 : text.size(); };
  return std::string_view(left).substr(0, end(left)) <=> std::string_view(right).substr(0, end(right));
}

std::partial_ordering compare_values(const sql_value& left, const sql_value& right, const type_model* type) {
  const auto* const a = std::get_if<std::string>(&left);
  const auto* const b = std::get_if<std::string>(&right);
  if (a && b) return compare_texts(*a, *b, type);
  return left < right ? std::partial_ordering::less : right < left ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

struct place_view {
  sql_value key;
  const std::string& id;
};

const type_model* type_of(const indexed_column& column) {
  if (!column.member) return nullptr;
  const auto& type = column.member->type();
  return type.kind == shape::optional ? &type.element() : &type;
}

/// Ours are texts; a mapped table may have numbers.
std::partial_ordering compare_ids(const collection& in, const std::string& left, const std::string& right) {
  if (!in.mapped) return left <=> right;
  const bool numbers = content_of(*in.mapped->id_type, {}) == column_content::integer;
  const auto a = numbers ? decimal::parse(left) : std::nullopt, b = numbers ? decimal::parse(right) : std::nullopt;
  return a && b ? *a <=> *b : compare_texts(left, right, in.mapped->id_type);
}

std::partial_ordering compare_places(const collection& in, const place_view& left, const place_view& right, const document_query& order) {
  const auto column = column_index(in, order.order_by);
  const auto by_key = compare_values(left.key, right.key, column ? type_of(in.columns[*column]) : nullptr);
  if (by_key != 0) return by_key;
  return compare_ids(in, left.id, right.id);
}

}  // namespace

std::optional<std::size_t> column_index(const collection& in, std::string_view name) {
  const auto found = std::ranges::find(in.columns, name, &indexed_column::name);
  if (found == in.columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - in.columns.begin());
}

sql_value sort_key(const collection& in, const document& of, std::string_view order_by) {
  const auto index = column_index(in, order_by);
  return index ? of.columns[*index] : sql_value();
}

bool same_id(const collection& in, const std::string& left, const std::string& right) { return left == right || (in.mapped && compare_ids(in, left, right) == 0); }

bool same_value(const collection& in, std::size_t column, const sql_value& left, const sql_value& right) {
  return left == right || compare_values(left, right, type_of(in.columns[column])) == 0;
}

bool comes_before(const collection& in, const document& left, const document& right, const document_query& order) {
  const auto found = compare_places(in, {sort_key(in, left, order.order_by), left.id}, {sort_key(in, right, order.order_by), right.id}, order);
  return order.ascending ? found < 0 : found > 0;
}

bool comes_after(const collection& in, const document& candidate, const document_query& order) {
  const auto found = compare_places(in, {sort_key(in, candidate, order.order_by), candidate.id}, {order.after->key, order.after->id}, order);
  return order.ascending ? found > 0 : found < 0;
}

}  // namespace mamey::inline v1
