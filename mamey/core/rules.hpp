#pragma once

/// @file
/// For services.
/// Rules as part of the type they check. Validation and OpenAPI use them:
///
///     struct Line {
///       std::string sku;
///       int quantity = 1;
///       static constexpr auto rules() {
///         return mamey::all(mamey::field<&Line::sku>.length(1, 40), mamey::field<&Line::quantity>.at_least(1));
///       }
///     };
///
/// A rule of a std::optional member applies when it holds a value. Rules across members are a function of the type:
/// `static void check(const Line& line, mamey::violations& found)`, called when each member alone is valid. The check of a message may ask for
/// services and options: `static void check(const Borrow& borrow, mamey::violations& found, const LoanOptions& options)`.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/decimal.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

/// Receives the violations that a cross-member check finds.
class violations {
 public:
  virtual ~violations() = default;
  /// `member`: wire name of the member it is about, or empty for the object as a whole.
  virtual void add(std::string_view member, std::string code, std::string message) = 0;
};

/// A bound of a number, for comparison and as text.
struct limit {
  decimal exact;     ///< of integers and decimals; of durations in microseconds
  double real = 0;   ///< of float and double
  std::string text;  ///< as written in JSON
};

/// The rules of one member, as data.
struct member_rules {
  std::size_t member = 0;  ///< its place in `type_model::members`
  bool required = false;
  bool not_empty = false;
  bool may_be_nil = false;
  bool generated = false;
  bool zero_is_none = false;
  std::optional<std::size_t> min_length, max_length;  ///< characters of a text, elements of a list or dictionary
  std::optional<limit> minimum, maximum;              ///< both inclusive
  std::string pattern;                                ///< RE2 syntax, matches the whole text
  std::vector<std::string> allowed;                   ///< of `one_of`
  std::shared_ptr<const void> compiled_pattern;
};

namespace detail {

struct bound {
  enum class kind : std::uint8_t { none, integer, unsigned_integer, real, text, duration };
  kind type = kind::none;
  std::int64_t integer = 0;
  double real = 0;
  const char* text = nullptr;

  template <std::integral T>
  static constexpr bound of(T value) {
    return {std::is_signed_v<T> ? kind::integer : kind::unsigned_integer, static_cast<std::int64_t>(value)};
  }
  template <class Representation, class Period>
  static constexpr bound of(std::chrono::duration<Representation, Period> value) {
    return {kind::duration, static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(value).count())};
  }
  static constexpr bound of(double value) { return {kind::real, 0, value}; }
  static constexpr bound of(const char* value) { return {kind::text, 0, 0, value}; }
};

inline constexpr std::size_t most_allowed_values = 16;

/// The compile-time form of `field<…>.length(1, 40).required()`.
struct written_rules {
  bool required = false;
  bool not_empty = false;
  bool may_be_nil = false;
  bool generated = false;
  bool zero_is_none = false;
  bool has_min_length = false;
  bool has_max_length = false;
  std::size_t min_length = 0;
  std::size_t max_length = 0;
  bound minimum;
  bound maximum;
  const char* pattern = nullptr;
  std::array<const char*, most_allowed_values> allowed{};
  std::size_t allowed_count = 0;
};

template <class Pointer>
struct pointed_member;
template <class T, class Member>
struct pointed_member<Member T::*> {
  using owner = T;
  using type = std::remove_cv_t<Member>;
};

template <class T>
struct held {
  using type = T;
};
template <optional_type T>
  requires(!has_text_codec<T>)
struct held<T> : held<typename T::value_type> {};

template <class T>
struct listed {
  using type = T;
};
template <list_type T>
  requires(!has_text_codec<T>)
struct listed<T> {
  using type = typename T::value_type;
};

template <class T>
concept counted = std::same_as<T, std::string> || list_type<T> || dictionary_type<T>;
template <class T>
inline constexpr bool is_duration = false;
template <class Representation, class Period>
inline constexpr bool is_duration<std::chrono::duration<Representation, Period>> = true;
template <class T>
concept written_number = requires { text_codec<T>::written_as_number; };

}  // namespace detail

/// The rules of one member; each call returns a copy with one more rule. See `field`.
template <auto Member>
struct field_rules {
  using owner = typename detail::pointed_member<decltype(Member)>::owner;
  using type = typename detail::held<typename detail::pointed_member<decltype(Member)>::type>::type;

  detail::written_rules written;

  /// Absence (and null) is a violation.
  constexpr field_rules required() const {
    return with([](auto& rules) { rules.required = true; });
  }
  /// `min` to `max` characters (Unicode code points) of a text, or elements of a list or dictionary.
  constexpr field_rules length(std::size_t min, std::size_t max) const { return min_length(min).max_length(max); }
  constexpr field_rules min_length(std::size_t min) const {
    require_counted();
    return with([&](auto& rules) { rules.has_min_length = true, rules.min_length = min; });
  }
  constexpr field_rules max_length(std::size_t max) const {
    require_counted();
    return with([&](auto& rules) { rules.has_max_length = true, rules.max_length = max; });
  }
  /// An empty text, list or dictionary is a violation.
  constexpr field_rules not_empty() const {
    require_counted();
    return with([](auto& rules) { rules.not_empty = true; });
  }
  /// Bounds are inclusive; those of a decimal are integers or text: `.at_least("0.01")`; those of a duration are durations.
  template <class Bound>
  constexpr field_rules at_least(Bound min) const {
    require_bound<Bound>();
    return with([&](auto& rules) { rules.minimum = detail::bound::of(min); });
  }
  template <class Bound>
  constexpr field_rules at_most(Bound max) const {
    require_bound<Bound>();
    return with([&](auto& rules) { rules.maximum = detail::bound::of(max); });
  }
  template <class Least, class Most>
  constexpr field_rules between(Least min, Most max) const {
    return at_least(min).at_most(max);
  }
  /// For a setting that is a duration: zero means "no bound", and .NET's infinite (`-00:00:00.001`, `TimeSpan.MaxValue`) is read as zero.
  constexpr field_rules zero_is_none() const {
    static_assert(detail::is_duration<type>, "mamey: .zero_is_none() is a rule of a std::chrono duration.");
    return with([](auto& rules) { rules.zero_is_none = true; });
  }
  /// The whole text matches the expression, in RE2's syntax. One that RE2 refuses throws std::logic_error at the type's first validation.
  constexpr field_rules pattern(const char* expression) const {
    require_text();
    return with([&](auto& rules) { rules.pattern = expression; });
  }
  /// The text is one of up to 16, in this very form.
  template <class... Text>
  constexpr field_rules one_of(const Text&... text) const {
    require_text();
    static_assert(sizeof...(Text) <= detail::most_allowed_values, "mamey: one_of takes up to 16 texts. Make the member an enum.");
    return with([&](auto& rules) { ((rules.allowed[rules.allowed_count++] = text), ...); });
  }
  /// A nil uuid is no violation, nor is one in a list of them.
  constexpr field_rules may_be_nil() const {
    require_nil<typename detail::listed<type>::type>();
    return with([](auto& rules) { rules.may_be_nil = true; });
  }
  /// A nil or absent uuid is replaced by a fresh one before validation.
  constexpr field_rules generated() const {
    require_nil<type>();
    return with([](auto& rules) { rules.generated = true; });
  }

 private:
  template <class Change>
  constexpr field_rules with(Change change) const {
    field_rules changed = *this;
    change(changed.written);
    return changed;
  }
  static constexpr void require_counted() {
    constexpr bool has_length = detail::counted<type>;
    static_assert(has_length, "mamey: only a text, a list or a dictionary has a length. For a number say .at_least(…) or .at_most(…).");
  }
  static constexpr void require_text() {
    constexpr bool is_text = std::same_as<type, std::string>;
    static_assert(is_text, "mamey: .pattern(…) and .one_of(…) are rules of a std::string member.");
  }
  template <class T>
  static constexpr void require_nil() {
    constexpr bool has_nil = requires(const T& value) { text_codec<T>::is_nil(value); };
    static_assert(has_nil, "mamey: .may_be_nil() and .generated() are rules of a uuid or an id made of one.");
  }
  template <class Bound>
  static constexpr void require_bound() {
    constexpr bool is_decimal = detail::written_number<type>;
    constexpr bool is_number = detail::number<type> || is_decimal || detail::is_duration<type>;
    constexpr bool is_exact = !std::floating_point<Bound> || std::floating_point<type>;
    constexpr bool is_same_kind = detail::is_duration<type> == detail::is_duration<Bound>;
    static_assert(is_number, "mamey: only a number has bounds. For a text or a list say .length(min, max).");
    static_assert(!is_number || is_same_kind, "mamey: a bound of a duration is a duration: .at_least(std::chrono::milliseconds(1)).");
    static_assert(!is_number || is_exact,
                  "mamey: a bound of an integer or decimal is exact. Write an integer, or text: .at_least(\"0.01\").");
  }
};

/// The member for the rules that follow: `field<&Line::sku>.length(1, 40).required()`.
template <auto Member>
inline constexpr field_rules<Member> field{};

namespace detail {

struct field_entry {
  const member_model& (*member)();
  written_rules written;
};

template <auto Member>
const member_model& member_for() {
  return member_of(Member);
}

template <class... Owners>
struct rule_list {
  std::array<field_entry, sizeof...(Owners)> entries;
};

}  // namespace detail

/// All rules of a type, one entry per member.
template <auto... Members>
constexpr auto all(const field_rules<Members>&... rules) {
  return detail::rule_list<typename field_rules<Members>::owner...>{{detail::field_entry{&detail::member_for<Members>, rules.written}...}};
}

/// The rules of a type, built once.
class rule_set {
 public:
  using check_function = void (*)(const void* object, violations& found);

  /// Throws std::logic_error for a pattern RE2 refuses or a bound that is no number.
  rule_set(const type_model& model, std::span<const detail::field_entry> entries, check_function across);

  /// In the order of the members; a member without rules has no entry.
  std::span<const member_rules> members() const noexcept { return members_; }
  /// nullptr for a member without rules.
  const member_rules* find(std::size_t member) const noexcept;
  /// Rules across members; nullptr when there are none.
  check_function check() const noexcept { return check_; }

 private:
  std::vector<member_rules> members_;
  std::array<std::uint8_t, 64> places_{};  // of a member in members_, plus one
  check_function check_;
};

namespace detail {

template <class T>
void check_object(const void* object, violations& found) {
  T::check(*static_cast<const T*>(object), found);
}

template <class T, class... Owners>
rule_set make_rule_set(const rule_list<Owners...>& list, rule_set::check_function across) {
  constexpr bool names_own_members = (std::same_as<Owners, T> && ...);
  static_assert(names_own_members, "mamey: rules() names a member of another type. Put each rule into the type whose member it is about.");
  if constexpr (names_own_members)
    return rule_set(model_of<T>(), list.entries, across);
  else
    return rule_set(model_of<T>(), {}, across);
}
template <class T, auto Member>
rule_set make_rule_set(const field_rules<Member>& rules, rule_set::check_function across) {
  return make_rule_set<T>(all(rules), across);
}

template <class T>
inline constexpr bool is_rules = false;
template <class... Owners>
inline constexpr bool is_rules<rule_list<Owners...>> = true;
template <auto Member>
inline constexpr bool is_rules<field_rules<Member>> = true;

template <class T>
const rule_set& rules_for() {
  static const rule_set rules = [] {
    rule_set::check_function across = nullptr;
    if constexpr (requires(const T& value, violations& found) { T::check(value, found); }) across = &check_object<T>;
    if constexpr (requires { T::rules(); }) {
      constexpr bool returns_rules = is_rules<std::remove_cvref_t<decltype(T::rules())>>;
      static_assert(returns_rules,
                    "mamey: rules() returns the rules of members: `return mamey::all(mamey::field<&Line::sku>.length(1, 40), …);`.");
      if constexpr (returns_rules)
        return make_rule_set<T>(T::rules(), across);
      else
        return rule_set(model_of<T>(), {}, across);
    } else {
      return rule_set(model_of<T>(), {}, across);
    }
  }();
  return rules;
}

}  // namespace detail

}  // namespace mamey::inline v1
