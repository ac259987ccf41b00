#include <mamey/domain/condition.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include <mamey/core/error.hpp>
#include <mamey/core/utf8.hpp>

namespace mamey::inline v1::detail {
namespace {

std::string name_of(const type_model& owner, std::size_t offset) {
  const auto found = std::ranges::find(owner.members, offset, &member_model::offset);
  return found == owner.members.end() ? std::string() : std::string(found->wire_name);
}

void check_value(const type_model& owner, std::size_t offset, const sql_value& value) {
  const auto refuse = [&](std::string code, std::string message) {
    throw validation_error({{.path = name_of(owner, offset), .code = std::move(code), .message = std::move(message)}});
  };
  const auto* const text = std::get_if<std::string>(&value);
  if (text != nullptr && !is_utf8_text(*text)) refuse("not_utf8", "must be UTF-8 without U+0000");
  const auto* const real = std::get_if<double>(&value);
  if (real != nullptr && std::isnan(*real)) refuse("not_a_number", "NaN equals no number: nothing can be found by it");
}

}  // namespace

void throw_beyond_columns(const type_model& owner, std::size_t offset) {
  throw validation_error(
      {{.path = name_of(owner, offset),
        .code = "out_of_range",
        .message = "expected at most " + std::to_string(std::numeric_limits<std::int64_t>::max()) + ", which a column holds"}});
}

condition_node combined(condition_kind how, std::vector<condition_node> parts) {
  const bool incomplete = std::ranges::any_of(parts, &condition_node::incomplete);
  std::erase_if(parts, [](const condition_node& each) { return each.size == 0; });
  if (parts.empty()) return {.incomplete = incomplete};
  if (how != condition_kind::none && parts.size() == 1) {
    parts.front().incomplete = incomplete;
    return std::move(parts.front());
  }
  condition_node made{.how = how, .incomplete = incomplete};
  for (auto& each : parts) {
    made.size += each.size;
    made.held += each.held;
    if (how != condition_kind::none && each.how == how) {  // a && b && c is one level
      made.depth = std::max(made.depth, each.depth);
      std::ranges::move(each.parts, std::back_inserter(made.parts));
    } else {
      made.depth = std::max(made.depth, each.depth + 1);
      made.parts.push_back(std::move(each));
    }
  }
  if (made.held > most_values)
    throw internal_error("condition_too_large", "a condition compares with at most {} values, not {}", most_values, made.held);
  if (made.size > most_comparisons || made.depth > deepest_condition) {
    throw internal_error(
        "condition_too_large",
        "a condition has at most {} comparisons and {} levels of &&, || and !, not {} and {}: use in() for a list of values",
        most_comparisons, deepest_condition, made.size, made.depth);
  }
  return made;
}

condition_node compared(const type_model& owner, std::size_t offset, condition_kind how, sql_value value) {
  check_value(owner, offset, value);
  return {.how = how, .offset = offset, .value = std::move(value), .size = 1, .held = 1};
}

condition_node compared(const type_model& owner, std::size_t offset, std::vector<sql_value> values) {
  check_searched_values(name_of(owner, offset), values.size());
  for (const auto& each : values) check_value(owner, offset, each);
  const auto count = values.size();
  return {.how = condition_kind::one_of, .offset = offset, .values = std::move(values), .size = 1, .held = count};
}

condition_node begins_with(const type_model& owner, std::size_t offset, std::string_view prefix) {
  auto from = compared(owner, offset, condition_kind::at_least, std::string(prefix));
  auto behind = text_behind_prefix(std::string(prefix));
  if (behind.empty()) return from;
  return combined(condition_kind::every, {std::move(from), compared(owner, offset, condition_kind::less, std::move(behind))});
}

void check_searched_values(std::string name, std::size_t count) {
  if (count <= most_searched_values) return;
  throw validation_error(
      {{.path = std::move(name),
        .code = "too_many_values",
        .message = "expected at most " + std::to_string(most_searched_values) + " values to search for, got " + std::to_string(count)}});
}

}  // namespace mamey::inline v1::detail
