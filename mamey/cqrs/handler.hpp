#pragma once

/// @file
/// What counts as a handler, and its erased form. A handler is a function whose first parameter is its message; the others are what it needs, found by
/// type: `void create_order(const CreateOrder& command, mamey::repository<Order>& orders, Pricing& pricing)`. A class with one `handle(...)` works as well.

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <string_view>
#include <type_traits>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/signature.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/domain/transaction.hpp>

namespace mamey::inline v1 {

// What a handler may ask for by type without anybody adding it.
template <class T>
struct default_recipe<repository<T>> { static constexpr auto life = lifetime::scoped; };
template <class T>
struct default_recipe<read_models<T>> { static constexpr auto life = lifetime::scoped; };
template <>
struct default_recipe<publisher> { static constexpr auto life = lifetime::scoped; };
template <>
struct default_recipe<database> { static constexpr auto life = lifetime::scoped; };

enum class handler_kind : std::uint8_t { command, query, domain_event, integration_event };

/// Receives a handler's result while it lives on the handler's stack; it may be moved from. A retried handler calls it again: the last call counts.
using result_sink = std::function<void(void* result)>;

/// A handler with its types erased.
struct handler_entry {
  handler_kind kind = handler_kind::command;
  const message_info* message = nullptr;
  std::string_view name;                        ///< of the function or class: `create_order`
  std::span<const service_type* const> needs;   ///< verified when the application starts
  void (*register_class)(services&) = nullptr;  ///< a class handler registers itself
  std::vector<const collection*> collections;   ///< what its repositories and read models store
  bool interactive = false;                     ///< asks for `mamey::transaction&`
  const type_model* result = nullptr;           ///< null for void
  std::vector<std::string> earlier_names;       ///< inbox rows under these still count
  std::size_t module = 0;                       ///< number of its module: domain events stay inside
  int conflict_retries = 0;                     ///< how often a concurrency_conflict is retried: `static constexpr int conflict_retries` of the message
  std::function<void(scope&, const void* message, const result_sink&)> invoke;
};

/// Maps a raised event to what leaves the module; null object: stays private.
struct event_mapping {
  const message_info* from = nullptr;
  std::function<recorded_message(const void* event)> map;
};

/// Turns a refused command or event into the event that says so.
struct rejection {
  const message_info* of = nullptr;
  std::function<recorded_message(const void* message, const error_report& reason)> make;
};

namespace detail {

template <class T>
struct stored_by { static const collection* of() { return nullptr; } };
template <class T>
struct stored_by<repository<T>> { static const collection* of() { return &aggregate_collection<T>(); } };
template <class T>
struct stored_by<read_models<T>> { static const collection* of() { return &read_model_collection<T>(); } };

template <class Message>
consteval bool names_its_result() { return requires { typename Message::result; }; }

/// The checks that need the kind of the handler; signature.hpp checks the rest.
template <handler_kind Kind, class Message, class Result>
consteval bool fits_kind() {
  if constexpr (Kind == handler_kind::query) {
    constexpr bool names_result = names_its_result<Message>();
    static_assert(names_result, "mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct.");
    if constexpr (names_result) {
      constexpr bool returns_result = std::is_same_v<Result, typename Message::result>;
      static_assert(returns_result, "mamey: a query handler returns what its query names: `using result = …` and the function's return type differ.");
      return returns_result;
    }
    return false;
  } else if constexpr (Kind == handler_kind::domain_event || Kind == handler_kind::integration_event) {
    constexpr bool returns_nothing = std::is_void_v<Result>;
    static_assert(returns_nothing, "mamey: an event handler returns nothing: an event has no answer.");
    return returns_nothing;
  } else {
    return true;
  }
}

template <class... Needs>
std::vector<const collection*> collections_of(type_list<Needs...>) {
  std::vector<const collection*> found;
  for (const auto* each : std::initializer_list<const collection*>{stored_by<Needs>::of()...}) {
    if (each) found.push_back(each);
  }
  return found;
}

template <class... Needs>
consteval bool asks_for_transaction(type_list<Needs...>) { return (std::is_same_v<Needs, transaction> || ...); }

/// `call(scope&, const Message&)` runs the handler.
template <handler_kind Kind, class Signature, class Call>
handler_entry make_entry(std::string_view name, Call call) {
  using message = typename Signature::message;
  using result_type = typename Signature::result;
  handler_entry entry{.kind = Kind, .message = &message_info_of<message>(), .name = unqualified(name), .needs = Signature::needs};
  entry.collections = collections_of(typename Signature::dependencies{});
  entry.interactive = asks_for_transaction(typename Signature::dependencies{});
  if constexpr (!std::is_void_v<result_type>) entry.result = &model_of<result_type>();
  if constexpr (requires { message::conflict_retries; }) entry.conflict_retries = message::conflict_retries;
  entry.invoke = [call = std::move(call)](scope& from, const void* input, const result_sink& sink) {
    const auto& typed = *static_cast<const message*>(input);
    if constexpr (std::is_void_v<result_type>) {
      (void)sink;
      call(from, typed);
    } else {
      result_type result = call(from, typed);
      if (sink) sink(&result);
    }
  };
  return entry;
}

template <class Signature>
concept well_formed = requires { typename Signature::message; };

}  // namespace detail

/// The entry of a function given as template argument.
template <handler_kind Kind, auto Function>
handler_entry function_handler() {
  using parts = signature<decltype(Function)>;
  if constexpr (detail::well_formed<parts>) {
    if constexpr (detail::fits_kind<Kind, typename parts::message, typename parts::result>()) {
      return detail::make_entry<Kind, parts>(function_name<Function>, [](scope& from, const typename parts::message& message) -> typename parts::result {
        return parts::call(Function, from, message);
      });
    }
  }
  return {};
}

/// The entry of a class with `handle`.
template <handler_kind Kind, class Handler>
handler_entry class_handler() {
  using parts = signature<Handler>;
  if constexpr (detail::well_formed<parts>) {
    if constexpr (detail::fits_kind<Kind, typename parts::message, typename parts::result>()) {
      auto entry = detail::make_entry<Kind, parts>(type_key_of<Handler>.name, [](scope& from, const typename parts::message& message) -> typename parts::result {
        return parts::call(from, message);
      });
      entry.register_class = [](services& into) { parts::add_to(into); };
      return entry;
    }
  }
  return {};
}

/// The entry of a lambda, for endpoints written in place. Its result needs no `using result`.
template <class Lambda>
handler_entry lambda_handler(std::string_view name, Lambda lambda) {
  using parts = signature<Lambda>;
  if constexpr (detail::well_formed<parts>) {
    return detail::make_entry<handler_kind::command, parts>(name, [lambda = std::move(lambda)](scope& from, const typename parts::message& message) -> typename parts::result {
      return parts::call(lambda, from, message);
    });
  } else {
    return {};
  }
}

}  // namespace mamey::inline v1
