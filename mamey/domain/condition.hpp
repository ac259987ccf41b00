#pragma once

/// @file
/// For the framework.
/// Conditions on declared members, for service authors: `where<&BookDto::price>.less(10) || where<&BookDto::genre>.in(genres)`.

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/domain/collection.hpp>
#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// The bounds of a condition; beyond them building it throws.
inline constexpr std::size_t most_searched_values = 1000;  ///< of one `in`, and of `find_many`: `validation_error` (`too_many_values`)
inline constexpr std::size_t most_comparisons = 256;       ///< of a condition: `internal_error` (`condition_too_large`)
inline constexpr std::size_t most_values = 20'000;         ///< of all comparisons of a condition: `internal_error` (`condition_too_large`)
inline constexpr std::size_t deepest_condition = 32;       ///< levels of `&&`, `||` and `!`: `internal_error` (`condition_too_large`)

namespace detail {

/// A comparison of the member at `offset`, or a combination. Without a comparison (`size` 0) it is left out.
struct condition_node {
  condition_kind how = condition_kind::every;
  std::size_t offset = 0;
  sql_value value = {};
  std::vector<sql_value> values = {};
  std::vector<condition_node> parts = {};
  std::size_t size = 0;     ///< comparisons
  std::size_t held = 0;     ///< values that they compare with
  std::size_t depth = 0;    ///< levels of combinations
  bool incomplete = false;  ///< a comparison was left out, because its value is an empty optional
};

condition_node combined(condition_kind how, std::vector<condition_node> parts);
/// These throw validation_error that names the member for a value that no column holds: a text that is not UTF-8 or holds U+0000, NaN, an
/// integer beyond 63 bits.
condition_node compared(const type_model& owner, std::size_t offset, condition_kind how, sql_value value);
condition_node compared(const type_model& owner, std::size_t offset, std::vector<sql_value> values);
condition_node begins_with(const type_model& owner, std::size_t offset, std::string_view prefix);
/// Throws validation_error (`too_many_values`) for more than `most_searched_values`.
void check_searched_values(std::string name, std::size_t count);
[[noreturn]] void throw_beyond_columns(const type_model& owner, std::size_t offset);

template <class V>
struct without_optional {
  using type = V;
};
template <class V>
struct without_optional<std::optional<V>> {
  using type = V;
};
template <auto Member>
using compared_with = typename without_optional<typename member_parts<Member>::value>::type;

template <class Value>
concept optional_value = requires(const Value& value) {
                           value.has_value();
                           *value;
                         };
template <class Values>
concept value_list = requires(const Values& values) {
                       values.begin() != values.end();
                       *values.begin();
                     };
template <class Value, class Plain>
consteval bool is_comparable() {
  if constexpr (std::is_same_v<Plain, bool>)
    return std::is_same_v<Value, bool>;
  else if constexpr (std::is_integral_v<Plain>)
    return std::is_integral_v<Value> && !std::is_same_v<Value, bool>;
  else if constexpr (std::is_same_v<Plain, std::string>)
    return std::is_convertible_v<const Value&, std::string_view>;
  else
    return std::is_convertible_v<const Value&, Plain>;
}

/// Whether a column of these values has the order of the type.
template <class Plain>
consteval bool has_column_order() {
  if constexpr (std::is_same_v<Plain, bool> || std::is_enum_v<Plain>)
    return false;
  else if constexpr (std::is_arithmetic_v<Plain> || std::is_same_v<Plain, std::string>)
    return true;
  else if constexpr (has_text_codec<Plain>) {
    using codec = text_codec<Plain>;
    if constexpr (
        requires { codec::written_as_number; } || requires(std::string& out, const Plain& value) { codec::to_column(out, value); })
      return true;
    else if constexpr (requires { codec::format; })
      return codec::format == "uuid" || codec::format == "date";
    else
      return false;
  } else
    return false;
}

}  // namespace detail

/// A condition on the rows of a state or read model, made by `where<&BookDto::price>` and combined by `&&`, `||` and `!`. Empty: all rows. A
/// list of conditions in braces means that all of them hold. A part that compares with an empty optional is left out, whatever combines it; `remove_where` and
/// `update_where` refuse such a condition.
template <class Stored>
class member_condition {
 public:
  member_condition() = default;
  member_condition(std::initializer_list<member_condition> all) : node_(detail::combined(condition_kind::every, nodes_of(all))) {}
  explicit member_condition(detail::condition_node node) : node_(std::move(node)) {}
  template <class Other>
  member_condition(const member_condition<Other>&) {
    constexpr bool is_of_the_type = std::is_same_v<Other, Stored>;
    static_assert(is_of_the_type,
                  "mamey: a condition names members of the type that is searched: the state of a repository's aggregate, or the struct of "
                  "the read_models.");
  }

  friend member_condition operator&&(const member_condition& left, const member_condition& right) {
    return left.with(condition_kind::every, right);
  }
  friend member_condition operator||(const member_condition& left, const member_condition& right) {
    return left.with(condition_kind::some, right);
  }
  /// Met by exactly the rows that do not meet the condition, those without a value included.
  friend member_condition operator!(const member_condition& negated) {
    return member_condition(detail::combined(condition_kind::none, {negated.node_}));
  }

  const detail::condition_node& node() const noexcept { return node_; }  ///< for the framework

 private:
  static std::vector<detail::condition_node> nodes_of(std::initializer_list<member_condition> all) {
    std::vector<detail::condition_node> nodes;
    for (const auto& each : all) nodes.push_back(each.node_);
    return nodes;
  }
  member_condition with(condition_kind how, const member_condition& other) const {
    return member_condition(detail::combined(how, {node_, other.node_}));
  }

  detail::condition_node node_;
};

/// The comparisons of one declared member. `where<&BookDto::status>(value)` is met by rows with this value. Each function takes a value of
/// the member's type, or an optional of it: an empty one leaves the comparison out. A row without a value meets `is_null` only.
template <auto Member>
class searched_member {
  using owner = typename detail::member_parts<Member>::owner;
  using plain = detail::compared_with<Member>;
  static constexpr bool is_declared = detail::is_indexed<Member>();
  static_assert(is_declared,
                "mamey: where searches by a member that its struct declares: add it to `static constexpr auto indexes() { return "
                "mamey::indexed<&OrderDto::status>; }`. By id, use find, get or find_many.");

 public:
  using condition = member_condition<owner>;

  condition operator()(const plain& value) const { return compare(condition_kind::equal, value); }
  template <class Value>
  condition operator()(const Value& value) const {
    return compare(condition_kind::equal, value);
  }

  template <class Value>
  condition less(const Value& value) const {
    return compare_order(condition_kind::less, value);
  }
  template <class Value>
  condition at_most(const Value& value) const {
    return compare_order(condition_kind::at_most, value);
  }
  template <class Value>
  condition greater(const Value& value) const {
    return compare_order(condition_kind::greater, value);
  }
  template <class Value>
  condition at_least(const Value& value) const {
    return compare_order(condition_kind::at_least, value);
  }
  /// Both included. An empty optional leaves its side open.
  template <class Low, class High>
  condition between(const Low& low, const High& high) const {
    return at_least(low) && at_most(high);
  }

  /// One of the values; none of an empty list. At most `most_searched_values`.
  template <detail::value_list Values>
  condition in(const Values& values) const {
    std::vector<sql_value> all;
    for (const auto& each : values) all.push_back(value_of(each));
    return condition(detail::compared(model_of<owner>(), offset(), std::move(all)));
  }
  condition in(std::initializer_list<plain> values) const { return in<std::initializer_list<plain>>(values); }
  /// An empty optional leaves the comparison out.
  template <class Values>
    requires(!detail::value_list<Values> && detail::optional_value<Values>)
  condition in(const Values& values) const {
    return values ? in(*values) : left_out();
  }

  /// Texts that begin with these bytes; case counts, and no character has a special meaning.
  condition starts_with(std::string_view prefix) const {
    constexpr bool is_text = std::is_same_v<plain, std::string>;
    static_assert(is_text, "mamey: starts_with searches texts: the member is not a std::string.");
    return condition(detail::begins_with(model_of<owner>(), offset(), prefix));
  }
  template <class Value>
    requires detail::optional_value<Value>
  condition starts_with(const Value& prefix) const {
    return prefix ? starts_with(std::string_view(*prefix)) : left_out();
  }

  /// Rows without a value. `!where<&BookDto::note>.is_null()`: rows with one.
  condition is_null() const {
    constexpr bool is_optional = !std::is_same_v<plain, typename detail::member_parts<Member>::value>;
    static_assert(is_optional, "mamey: is_null asks for members without a value: the member is no std::optional.");
    return condition(detail::compared(model_of<owner>(), offset(), condition_kind::equal, sql_value()));
  }

 private:
  static std::size_t offset() { return detail::offset_of<owner, Member>(); }
  static condition left_out() { return condition(detail::condition_node{.incomplete = true}); }

  template <class Value>
  static sql_value value_of(const Value& value) {
    constexpr bool has_the_type = detail::is_comparable<Value, plain>();
    static_assert(has_the_type,
                  "mamey: `where<&OrderDto::status>(value)` compares the member with a value of its own type, or with an optional of it.");
    if constexpr (!has_the_type) {
      return {};
    } else if constexpr (std::is_integral_v<plain> && !std::is_same_v<plain, bool>) {
      if (!std::in_range<std::int64_t>(value)) detail::throw_beyond_columns(model_of<owner>(), offset());
      return static_cast<std::int64_t>(value);
    } else if constexpr (std::is_same_v<plain, std::string>) {
      return std::string(std::string_view(value));
    } else {
      const plain same = static_cast<plain>(value);
      return column_value(model_of<plain>(), &same);
    }
  }
  template <class Value>
  static condition compare(condition_kind how, const Value& value) {
    if constexpr (detail::optional_value<Value> && !detail::is_comparable<Value, plain>())
      return value ? compare(how, *value) : left_out();
    else
      return condition(detail::compared(model_of<owner>(), offset(), how, value_of(value)));
  }
  template <class Value>
  static condition compare_order(condition_kind how, const Value& value) {
    constexpr bool has_order = detail::has_column_order<plain>();
    static_assert(has_order,
                  "mamey: less, at_most, greater, at_least and between compare numbers, texts, decimals, times, durations and uuids. Other "
                  "values have no order in a store: compare with where<&OrderDto::status>(value) or .in(values).");
    return compare(how, value);
  }
};

/// `orders.list(where<&OrderDto::status>(Status::placed) && where<&OrderDto::placed_at>.less(limit))`. The member's struct declares it in
/// `indexes()` or `unique_indexes()`; others do not compile.
template <auto Member>
inline constexpr searched_member<Member> where{};

/// A member's new value, for `update_where`: `assign<&BookDto::genre>(Genre::old)`.
template <class Stored>
struct assignment {
  std::size_t offset = 0;
  std::shared_ptr<const void> value;
  void (*put)(void* into, const void* value) = nullptr;
};

template <auto Member>
auto assign(typename detail::member_parts<Member>::value value) {
  using owner = typename detail::member_parts<Member>::owner;
  using held = typename detail::member_parts<Member>::value;
  return assignment<owner>{
      .offset = detail::offset_of<owner, Member>(),
      .value = std::make_shared<const held>(std::move(value)),
      .put = [](void* into, const void* from) { static_cast<owner*>(into)->*Member = *static_cast<const held*>(from); }};
}

}  // namespace mamey::inline v1
