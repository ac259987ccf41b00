#pragma once

/// @file
/// For the framework.
/// The signature of a handler: a function whose first parameter is its message. The other parameters are its dependencies, found by type.
///
///     void create_order(const CreateOrder& command, mamey::repository<Order>& orders, Pricing& pricing);
///
/// or a class with one `handle(const CreateOrder&, …)`, whose constructor may take dependencies as well.

#include <string_view>
#include <type_traits>

#include <mamey/core/callable.hpp>
#include <mamey/core/services.hpp>

namespace mamey::inline v1 {

namespace detail {

/// A generic lambda looks like a class without a call operator; its name gives it away.
template <class F>
inline constexpr bool is_lambda = type_name<F>().find("lambda") != std::string_view::npos;

template <class P>
inline constexpr bool is_message_parameter =
    std::is_lvalue_reference_v<P> && std::is_const_v<std::remove_reference_t<P>> && std::is_class_v<std::remove_cvref_t<P>>;

/// True when `F` (a function or member function) can handle a message; otherwise one sentence says why not.
template <class F>
consteval bool handles_a_message() {
  constexpr bool is_callable = has_signature<F>;
  static_assert(is_callable,
                "mamey: a handler is a function whose parameters have types (no auto): void create_order(const CreateOrder& command, "
                "Pricing& pricing)");
  if constexpr (is_callable) {
    constexpr bool has_message = callable<F>::parameters::size > 0;
    static_assert(has_message, "mamey: a handler's first parameter is its message: void create_order(const CreateOrder& command)");
    if constexpr (has_message) {
      return []<class M, class... D>(type_list<M, D...>) {
        constexpr bool is_by_const_reference = is_message_parameter<M>;
        static_assert(is_by_const_reference,
                      "mamey: a handler takes its message, a struct, by const reference: const CreateOrder& command");
        constexpr bool takes_references = (is_reference_to_class<D> && ...);
        static_assert(takes_references, "mamey: a handler takes its dependencies by reference: Pricing& pricing");
        return is_by_const_reference && takes_references;
      }(typename callable<F>::parameters{});
    }
  }
  return false;
}

template <class H>
consteval bool is_handler_class() {
  constexpr bool has_handle = requires { &H::handle; };
  static_assert(has_handle,
                "mamey: a handler class has one public member function handle(const Message&, …), not overloaded and not a template");
  if constexpr (has_handle) return handles_a_message<decltype(&H::handle)>();
  return false;
}

template <class Result, class Parameters>
struct split_signature;
template <class Result, class M, class... D>
struct split_signature<Result, type_list<M, D...>> {
  using result = Result;
  using message = std::remove_cvref_t<M>;
  using dependencies = type_list<std::remove_cvref_t<D>...>;
};
template <class F>
using split = split_signature<typename callable<F>::result, typename callable<F>::parameters>;

template <class F, bool Valid = handles_a_message<F>()>
struct function_handler {};

template <class F>
struct function_handler<F, true> : split<F> {
  using typename split<F>::result;
  using typename split<F>::message;
  static constexpr bool is_class = false;
  static constexpr const auto& needs = []<class... D>(type_list<D...>) -> const auto& {
    return service_list<D...>;
  }(typename split<F>::dependencies{});

  template <class Function>
  static result call(Function&& function, scope& from, const message& input) {
    return [&]<class... D>(type_list<D...>) -> result { return function(input, from.get<D>()...); }(typename split<F>::dependencies{});
  }
};

template <class H, bool Valid = is_handler_class<H>()>
struct class_handler {};

template <class H>
struct class_handler<H, true> : split<decltype(&H::handle)> {
  using parts = split<decltype(&H::handle)>;
  using typename parts::message;
  using typename parts::result;
  static constexpr bool is_class = true;
  static constexpr const auto& needs = []<class... D>(type_list<D...>) -> const auto& {
    return service_list<H, D...>;
  }(typename parts::dependencies{});

  /// Registers the class itself, one object per scope, unless the user did.
  static void add_to(services& registrations) {
    if (!registrations.has<H>()) registrations.add<H>(lifetime::scoped);
  }
  static result call(scope& from, const message& input) {
    return [&]<class... D>(type_list<D...>) -> result {
      return from.get<H>().handle(input, from.get<D>()...);
    }(typename parts::dependencies{});
  }
};

}  // namespace detail

/// The parts of a handler. `signature<decltype(f)>` for functions, function pointers and lambdas, `signature<H>` for a class with `handle`:
///
///  - `message` and `result`: types, the first without const and reference, the second as returned.
///  - `dependencies`: a type_list, of the function, without the message.
///  - `is_class`.
///  - `needs`: for services::need; for a class it contains the class itself.
///  - `call(f, scope&, const message&)` of a function: supplies its dependencies from the scope.
///  - `call(scope&, const message&)` of a class: supplies the object as well.
///  - `add_to(services&)` of a class: registers it, scoped, unless it is registered already.
///
/// For a function or class that is not a handler a static_assert says how to change it.
template <class F>
struct signature : detail::function_handler<std::remove_cvref_t<F>> {};

template <class H>
  requires(std::is_class_v<std::remove_cvref_t<H>> && !has_signature<H> && !detail::is_lambda<std::remove_cvref_t<H>>)
struct signature<H> : detail::class_handler<std::remove_cvref_t<H>> {};

}  // namespace mamey::inline v1
