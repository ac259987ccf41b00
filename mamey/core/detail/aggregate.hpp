#pragma once

/// @file
/// What the compiler tells of an aggregate: its members' types, addresses and names. Only templates that must see the type are here; the
/// table itself is built by `describe_members` in reflect.cpp.

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <mamey/core/detail/members.hpp>

namespace mamey::inline v1 {
struct type_model;
struct member_model;
template <class T>
const type_model& model_of();
}  // namespace mamey::inline v1

namespace mamey::inline v1::detail {

template <class T>
struct holder {
  T mamey_members_of;  // its odd name is what `describe_members` looks for in the signature
};

/// Storage whose members have constant addresses, though no `T` is ever made in it.
template <class T>
union never_made {
  char unused;
  holder<T> held;
  constexpr never_made() : unused(0) {}
  constexpr ~never_made() {}
};
template <class T>
inline constinit never_made<T> storage_of{};  // not const: a const reference would bind to a copy of a bit-field

template <std::size_t Index, class Member>
struct slot {
  Member* address;
};

template <class Indexes, class... Members>
struct slots;
template <std::size_t... Index, class... Members>
struct slots<std::index_sequence<Index...>, Members...> : slot<Index, Members>... {};

struct collect_slots {
  template <class... Members>
  constexpr auto operator()(Members&... member) const {
    return slots<std::index_sequence_for<Members...>, Members...>{{&member}...};
  }
};

/// The text a name of each member is cut out of.
template <auto Slots>
consteval std::string_view signature_of() {
  return __PRETTY_FUNCTION__;
}

enum class defect { none, not_an_aggregate, tuple_like, base_with_data, uninitialisable, too_many_members, bit_field };

template <class T>
concept has_tuple_protocol = requires { std::tuple_size<T>::value; };

/// Bases count as members when an aggregate is initialised, but not when it is bound.
template <class T>
consteval std::size_t base_count() {
  if constexpr (std::is_empty_v<T>)
    return member_count<T>();  // empty bases at most
  else
    return has_base<T> ? 1 : 0;
}

template <class T>
consteval bool bases_are_empty() {
  if constexpr (std::is_empty_v<T>)
    return true;
  else if constexpr (has_base<T>)
    return has_one_empty_base<T>;
  else
    return true;
}

template <class T>
consteval auto slots_of() {
  return bind_members<member_count<T>() - base_count<T>()>(storage_of<T>.held.mamey_members_of, collect_slots{});
}

template <class T>
consteval defect defect_of() {
  if constexpr (!std::is_aggregate_v<T> || std::is_union_v<T>)
    return defect::not_an_aggregate;
  else if constexpr (has_tuple_protocol<T>)
    return defect::tuple_like;
  else if constexpr (!bases_are_empty<T>())
    return defect::base_with_data;
  else if constexpr (member_count<T>() == uninitialisable_member)
    return defect::uninitialisable;
  else if constexpr (member_count<T>() > max_members)
    return defect::too_many_members;
  else if constexpr (std::is_same_v<decltype(slots_of<T>()), unbindable>)
    return defect::bit_field;
  else
    return defect::none;
}

/// What `describe_members` makes the table of.
struct aggregate_description {
  std::string_view type_name;
  std::string_view signature;
  std::span<const std::pair<std::string_view, std::string_view>> renamed;
  const void* object = nullptr;
  std::span<const void* const> addresses;
  std::span<const type_model& (*const)()> models;
};

/// Cuts out the names, names the members on the wire and keeps the table for the life of the process. Throws std::logic_error when two
/// members share a wire name.
std::span<const member_model> describe_members(const aggregate_description& description);

template <std::size_t... Index, class... Members>
std::span<const member_model> describe_slots(const slots<std::index_sequence<Index...>, Members...>& found,
                                             aggregate_description description) {
  if constexpr (sizeof...(Members) > 0) {
    const void* const addresses[] = {static_cast<const slot<Index, Members>&>(found).address...};
    const type_model& (*const models[])() = {&model_of<std::remove_cv_t<Members>>...};
    description.addresses = addresses;
    description.models = models;
    return describe_members(description);
  }
  return {};
}

}  // namespace mamey::inline v1::detail
