#pragma once

/// @file
/// For services.
/// The access rule of a message type: which user may have it handled.

#include <array>
#include <cstddef>
#include <string_view>

namespace mamey::inline v1 {

/// Declared by a message type: `static constexpr auto access() { return mamey::requires_role("admin"); }`. The rule holds for
/// every source of the message: an endpoint, code, the bus.
struct access_rule {
  static constexpr std::size_t most_roles = 8;
  bool authenticated = false;
  std::array<std::string_view, most_roles> any_of{};  ///< one of these roles is enough; all empty: any user may
};

/// Any user; an anonymous caller is refused (401).
constexpr access_rule requires_authenticated() { return {.authenticated = true}; }

/// A user with one of the roles: an anonymous caller is refused with 401, another user with 403.
template <class... Roles>
constexpr access_rule requires_role(const Roles&... any_of) {
  static_assert(sizeof...(Roles) > 0 && sizeof...(Roles) <= access_rule::most_roles, "mamey: requires_role names one to eight roles.");
  return {.authenticated = true, .any_of = {std::string_view(any_of)...}};
}

}  // namespace mamey::inline v1
