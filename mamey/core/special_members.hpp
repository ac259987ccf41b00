#pragma once

/// @file
/// For the framework.
/// The framework finds the special members of a type by their names. A member with such a name and a wrong shape would be ignored silently,
/// so it is refused. Data members of objects are recognised here: they may have any name.

#include <type_traits>

namespace mamey::inline v1::detail {

/// True for `&T::name` when it is a function, or static data of the type.
template <class Pointer>
inline constexpr bool of_the_type = !std::is_member_object_pointer_v<Pointer>;

template <class T>
concept declares_rules = requires { requires of_the_type<decltype(&T::rules)>; };
template <class T>
concept declares_check = requires { requires of_the_type<decltype(&T::check)>; };
template <class T>
concept declares_strict = requires { requires of_the_type<decltype(&T::strict)>; };

/// A check that asks for services: `static void check(const Borrow&, violations&, const LoanOptions&)`.
template <class T, class Function>
inline constexpr bool asks_for_services = false;
template <class T, class Found, class... Services>
inline constexpr bool asks_for_services<T, void (*)(const T&, Found&, Services&...)> = sizeof...(Services) > 0;
template <class T>
concept checks_with_services = requires { requires asks_for_services<T, decltype(&T::check)>; };

/// Static functions without parameters whose names are likely spelling mistakes.
template <class T>
concept misspells_rules = requires { T::rule(); } || requires { T::validation(); } || requires { T::validation_rules(); };

}  // namespace mamey::inline v1::detail
