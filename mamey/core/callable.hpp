#pragma once

/// @file
/// For the framework.
/// Reads the type of a function: its result, its parameters, its name.

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace mamey::inline v1 {

template <class... T>
struct type_list {
  static constexpr std::size_t size = sizeof...(T);
};

namespace detail {

template <class F>
struct callable_parts {};
template <class R, class... A>
struct callable_parts<R(A...)> {
  using result = R;
  using parameters = type_list<A...>;
};
template <class R, class... A>
struct callable_parts<R(A...) noexcept> : callable_parts<R(A...)> {};
template <class F>
struct callable_parts<F*> : callable_parts<F> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...)> : callable_parts<R(A...)> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...) const> : callable_parts<R(A...)> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...)&> : callable_parts<R(A...)> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...) const&> : callable_parts<R(A...)> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...) noexcept> : callable_parts<R(A...)> {};
template <class R, class C, class... A>
struct callable_parts<R (C::*)(A...) const noexcept> : callable_parts<R(A...)> {};
template <class F>
  requires std::is_class_v<F> && requires { &F::operator(); }
struct callable_parts<F> : callable_parts<decltype(&F::operator())> {};

}  // namespace detail

/// The result (`result`) and the parameters (`parameters`, a type_list) of a function, function pointer, member function pointer or lambda.
/// Empty for everything else, generic lambdas and overloaded call operators included: their parameters depend on the caller.
template <class F>
using callable = detail::callable_parts<std::remove_cvref_t<F>>;

template <class F>
concept has_signature = requires { typename callable<F>::parameters; };

namespace detail {
template <auto Function>
consteval std::string_view function_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("Function = ") + 11);
  const auto end = text.find(';');  // g++ appends "; std::string_view = …"
  text = text.substr(0, end == std::string_view::npos ? text.rfind(']') : end);
  if (text.starts_with('&')) text.remove_prefix(1);
  return text;
}
}  // namespace detail

/// The qualified name of a function given as template argument: `function_name<orders::create_order>` is `orders::create_order`.
template <auto Function>
inline constexpr std::string_view function_name = detail::function_name<Function>();

}  // namespace mamey::inline v1
