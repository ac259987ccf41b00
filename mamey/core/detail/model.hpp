#pragma once

/// @file
/// How `model_of` fills the tables of enums and objects, and which sentence meets what has none. Included by reflect.hpp.

#include <concepts>
#include <limits>
#include <memory>

#include <mamey/core/special_members.hpp>

namespace mamey::inline v1 {
class violations;
}

namespace mamey::inline v1::detail {

/// Defined in rules.hpp, which a type with rules includes.
template <class T>
const rule_set& rules_for();

template <class T>
concept has_member_rules = requires { T::rules(); };
template <class T>
concept has_check = requires(const T& value, violations& found) { T::check(value, found); };
template <class T>
concept has_rules = has_member_rules<T> || has_check<T>;

/// True when what the type declares for validation is what validation looks for; otherwise one sentence says how it looks.
template <class T>
consteval bool declares_rules_rightly() {
  constexpr bool rules_are_static = !declares_rules<T> || has_member_rules<T>;
  static_assert(
      rules_are_static,
      "mamey: rules() is static, takes nothing and returns the rules: `static constexpr auto rules() { return mamey::all(…); }`.");
  constexpr bool rules_are_called_rules = !misspells_rules<T>;
  static_assert(rules_are_called_rules, "mamey: the rules of a type stand in `static constexpr auto rules()`: this name nobody reads.");
  constexpr bool check_is_static = !declares_check<T> || has_check<T> || checks_with_services<T>;
  static_assert(check_is_static,
                "mamey: check is static and takes the object and where to put what it finds: `static void check(const Line& line, "
                "mamey::violations& found)`. "
                "That of a message may ask for services by reference.");
  constexpr bool strict_is_bool = !declares_strict<T> || requires { requires std::same_as<const bool, const decltype(T::strict)>; };
  static_assert(strict_is_bool, "mamey: a type refuses unknown members with `static constexpr bool strict = true;`.");
  return rules_are_static && rules_are_called_rules && check_is_static && strict_is_bool;
}

template <auto... Values>
consteval std::string_view enum_signature() {
  return __PRETTY_FUNCTION__;
}

/// The first and the last value searched, as far as the underlying type reaches.
template <class Enum>
struct enum_window {
  using underlying = std::underlying_type_t<Enum>;
  static constexpr long long lowest = std::is_signed_v<underlying> ? static_cast<long long>(std::numeric_limits<underlying>::min()) : 0;
  static constexpr long long highest = sizeof(underlying) < sizeof(long long)
                                           ? static_cast<long long>(std::numeric_limits<underlying>::max())
                                           : std::numeric_limits<long long>::max();
  static constexpr long long first = enum_limits<Enum>::min < lowest ? lowest : enum_limits<Enum>::min;
  static constexpr long long last = enum_limits<Enum>::max > highest ? highest : enum_limits<Enum>::max;
};

/// One instantiation prints every value; those without a name are printed as casts.
template <class Enum, std::size_t... Index>
consteval std::string_view enum_values_signature(std::index_sequence<Index...>) {
  return enum_signature<static_cast<Enum>(enum_window<Enum>::first + static_cast<long long>(Index))...>();
}

/// Cuts the names out of the signature; the table lives as long as the process.
std::span<const enumerator_model> describe_enumerators(std::string_view signature, std::int64_t first);

template <class Enum>
inline constexpr std::int64_t fallback_value = static_cast<std::int64_t>(enum_fallback<Enum>::value);

template <class Enum>
const type_model& enum_model() {
  static const type_model model = [] {
    using window = enum_window<Enum>;
    auto made = base_model<Enum>(shape::enumeration);
    made.width = sizeof(Enum);
    made.is_signed = std::is_signed_v<typename window::underlying>;
    made.enumerators = describe_enumerators(
        enum_values_signature<Enum>(std::make_index_sequence<static_cast<std::size_t>(window::last - window::first + 1)>()), window::first);
    if constexpr (requires { enum_fallback<Enum>::value; }) made.fallback = &fallback_value<Enum>;
    return made;
  }();
  return model;
}

template <class T>
void reset_object(void* object) {
  *static_cast<T*>(object) = T{};
}

template <class T>
const type_model& object_model() {
  static const type_model model = [] {
    static constexpr auto found = slots_of<T>();
    auto made = base_model<T>(shape::object);
    aggregate_description description{
        .type_name = type_key_of<T>.name, .signature = signature_of<found>(), .object = &storage_of<T>.held.mamey_members_of};
    if constexpr (requires { wire_names<T>::names; }) description.renamed = wire_names<T>::names;
    made.members = describe_slots(found, description);
    if constexpr (std::is_move_assignable_v<T>) made.reset = &reset_object<T>;
    if constexpr (declares_rules_rightly<T>()) {
      if constexpr (has_rules<T>) made.rules = &rules_for<T>;
      made.checks_with_services = checks_with_services<T>;
      if constexpr (declares_strict<T>) made.strict = T::strict;
    }
    return made;
  }();
  return model;
}

/// Only promised: what uses it has met a static_assert.
const type_model& no_model();

/// Says why `T` cannot be reflected. The sentences stand on named bools, for g++ explains a failed concept for pages.
template <class T>
const type_model& checked_object_model() {
  constexpr auto found = defect_of<T>();
  constexpr bool is_no_pointer = !std::is_pointer_v<T> && !std::is_reference_v<T>;
  constexpr bool is_no_array = !std::is_array_v<T> && found != defect::tuple_like;
  constexpr bool is_no_character = !character<T>;
  constexpr bool is_known = !is_no_pointer || !is_no_array || !is_no_character || found != defect::not_an_aggregate;
  constexpr bool has_no_base_with_data = found != defect::base_with_data;
  constexpr bool has_defaults = found != defect::uninitialisable;
  constexpr bool has_few_members = found != defect::too_many_members;
  constexpr bool has_no_bit_fields = found != defect::bit_field;
  static_assert(is_no_pointer,
                "mamey: a pointer or reference cannot be reflected. Hold the value itself, or std::optional<T> or std::vector<T>.");
  static_assert(is_no_array, "mamey: an array cannot be reflected. Use std::vector<T>, or std::string for text.");
  static_assert(is_no_character,
                "mamey: a character cannot be reflected. Use std::string for text, std::int8_t or std::uint8_t for a small number.");
  static_assert(
      is_known,
      "mamey: this type cannot be reflected. Make it an aggregate (public members, no constructors), or specialise mamey::text_codec<T>; "
      "for std::chrono types include mamey/core/time.hpp.");
  static_assert(has_no_base_with_data, "mamey: a struct with a base class that has data cannot be reflected. Make the base a member.");
  static_assert(has_defaults,
                "mamey: a member of this struct has no default constructor. Reading fills a value made before, so give its type one.");
  static_assert(has_few_members, "mamey: a struct of more than 64 members cannot be reflected. Group members into structs of their own.");
  static_assert(has_no_bit_fields,
                "mamey: a struct with bit-fields cannot be reflected. Use bool or a fixed-width integer such as std::uint8_t.");
  if constexpr (found == defect::none)
    return object_model<T>();
  else
    return no_model();
}

template <class Enum>
const type_model& checked_enum_model() {
  constexpr bool has_fixed_type = requires { Enum{0}; };  // only then may every value of the window be cast to
  static_assert(
      has_fixed_type,
      "mamey: an enum without a fixed underlying type cannot be reflected. Make it `enum class`, or give it one: `enum E : int`.");
  if constexpr (has_fixed_type)
    return enum_model<Enum>();
  else
    return no_model();
}

template <class List>
const type_model& checked_list_model() {
  constexpr bool has_real_elements = std::same_as<decltype(std::declval<const List&>()[0]), const typename List::value_type&>;
  constexpr bool has_default_elements = std::is_default_constructible_v<typename List::value_type>;
  static_assert(has_real_elements, "mamey: std::vector<bool> holds no addressable bools and cannot be reflected. Use std::deque<bool>.");
  static_assert(has_default_elements,
                "mamey: the elements of a reflected list need a default constructor. Reading makes one and fills it.");
  if constexpr (has_real_elements && has_default_elements)
    return list_model<List>;
  else
    return no_model();
}

template <class Container, class Element>
consteval bool require_default_element() {
  constexpr bool has_default_elements = std::is_default_constructible_v<Element>;
  static_assert(has_default_elements,
                "mamey: what a reflected optional or dictionary holds needs a default constructor. Reading makes one and fills it.");
  return has_default_elements;
}

/// The member of `model` at `offset` with that type; of several without size at one place, the first.
const member_model& find_member(const type_model& model, std::size_t offset, model_function type);

}  // namespace mamey::inline v1::detail

namespace mamey::inline v1 {

template <class T>
const type_model& model_of() {
  if constexpr (!std::same_as<T, std::remove_cv_t<T>>)
    return model_of<std::remove_cv_t<T>>();
  else if constexpr (has_text_codec<T>)
    return detail::scalar_model<T>;
  else if constexpr (detail::number<T>)
    return detail::number_model<T>;
  else if constexpr (std::is_enum_v<T>)
    return detail::checked_enum_model<T>();
  else if constexpr (std::same_as<T, std::string>)
    return detail::text_model;
  else if constexpr (detail::list_type<T>)
    return detail::checked_list_model<T>();
  else if constexpr (detail::optional_type<T>) {
    if constexpr (detail::require_default_element<T, typename T::value_type>())
      return detail::optional_model<T>;
    else
      return detail::no_model();
  } else if constexpr (detail::dictionary_type<T>) {
    if constexpr (detail::require_default_element<T, typename T::mapped_type>())
      return detail::dictionary_model<T>;
    else
      return detail::no_model();
  } else
    return detail::checked_object_model<T>();
}

template <class T, class Member>
const member_model& member_of(Member T::* member) {
  const auto& object = detail::storage_of<T>.held.mamey_members_of;
  const auto* begin = reinterpret_cast<const char*>(std::addressof(object));
  const auto* found = reinterpret_cast<const char*>(std::addressof(object.*member));
  return detail::find_member(model_of<T>(), static_cast<std::size_t>(found - begin), &model_of<std::remove_cv_t<Member>>);
}

template <class Enum>
std::string_view enum_name(Enum value) {
  const auto* found = find_enumerator(model_of<Enum>(), static_cast<std::int64_t>(value));
  return found ? found->wire_name : std::string_view();
}

}  // namespace mamey::inline v1
