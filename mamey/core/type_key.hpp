#pragma once

/// @file
/// For the framework.
/// Identifies a type at run time by address, with its readable name; cheaper than typeid and free of RTTI rules.

#include <string_view>

namespace mamey::inline v1 {

/// One object per type: compare addresses for identity, read `name` for people.
struct type_key {
  std::string_view name;  ///< qualified as the compiler prints it, e.g. `orders::CreateOrder`
};

namespace detail {
template <class T>
consteval std::string_view type_name() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr auto begin = text.find("T = ") + 4;
  constexpr auto semicolon = text.find(';', begin);  // g++ appends "; std::string_view = …"
  constexpr auto end = semicolon == std::string_view::npos ? text.rfind(']') : semicolon;
  return text.substr(begin, end - begin);
}
}  // namespace detail

/// The key of `T`; const and references count as the type itself.
template <class T>
inline constexpr type_key type_key_of{detail::type_name<T>()};
template <class T>
inline constexpr const type_key& type_key_of<const T> = type_key_of<T>;

/// The last part of a qualified name: `orders::CreateOrder` ⇒ `CreateOrder`.
constexpr std::string_view unqualified(std::string_view name) {
  int depth = 0;
  for (auto i = name.size(); i > 0; --i) {
    const char c = name[i - 1];
    if (c == '>')
      ++depth;
    else if (c == '<')
      --depth;
    else if (c == ':' && depth == 0)
      return name.substr(i);
  }
  return name;
}

}  // namespace mamey::inline v1
