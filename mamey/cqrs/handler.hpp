#pragma once

/// @file
/// For the framework.
/// Handlers and their type-erased form. A handler is a function whose first parameter is its message. The other parameters are its
/// dependencies, found by type: `void create_order(const CreateOrder& command, mamey::repository<Order>& orders, Pricing& pricing)`. A
/// class with one `handle(...)` works as well.

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/signature.hpp>
#include <mamey/domain/delayed_messages.hpp>
#include <mamey/domain/repository.hpp>
#include <mamey/domain/transaction.hpp>

namespace mamey::inline v1 {

struct principal;
class request_headers;
class answer_headers;

// The types that a handler may ask for although nobody added them; docs/host.md has the whole list.
template <class T>
struct default_recipe<repository<T>> {
  static constexpr auto life = lifetime::scoped;
  static const void* about() { return &aggregate_collection<T>(); }
};
template <class T>
struct default_recipe<read_models<T>> {
  static constexpr auto life = lifetime::scoped;
  static const void* about() { return &read_model_collection<T>(); }
};
template <>
struct default_recipe<publisher> {
  static constexpr auto life = lifetime::scoped;
};
template <>
struct default_recipe<delayed_messages> {
  static constexpr auto life = lifetime::scoped;
};
template <>
struct default_recipe<database> {
  static constexpr auto life = lifetime::scoped;
};
/// The user for whom the handler runs; a handler that asks for it is refused to anonymous callers.
template <>
struct default_recipe<principal> {
  static constexpr auto life = lifetime::scoped;
  static std::shared_ptr<principal> make(const unit_of_work&);
};

enum class handler_kind : std::uint8_t {
  command,
  query,
  domain_event,
  integration_event,
  in_place,  ///< written beside its endpoint, and reached only through it
};

/// Receives a handler's result while the result is on the handler's stack; it may be moved from. A retried handler calls this again: the
/// last call counts.
using result_sink = std::function<void(void* result)>;

/// A handler with its types erased.
struct handler_entry {
  handler_kind kind = handler_kind::command;
  const message_info* message = nullptr;
  std::string name;                             ///< of the function or class: `create_order`; of one written in place: its pattern
  std::string full_name;                        ///< with its namespaces; empty of one written in place
  std::span<const service_type* const> needs;   ///< verified when the application starts; of a type, so it stays
  void (*register_class)(services&) = nullptr;  ///< a class handler registers itself
  std::vector<const collection*> collections;   ///< those of its repositories and read models
  bool interactive = false;                     ///< asks for `mamey::transaction&`
  bool only_reads = false;                      ///< a query, or the endpoint of a GET: its unit of work records nothing
  bool needs_user = false;                      ///< asks for `mamey::principal&`
  const type_model* result = nullptr;           ///< null for void
  std::vector<std::string> earlier_names;       ///< inbox rows under these still count
  int conflict_retries = 0;  ///< how often a concurrency_conflict is retried: `static constexpr int conflict_retries` of the message
  std::span<const service_type* const> check_needs;                         ///< of the message's own `check`
  void (*check)(scope&, const void* message, violations& found) = nullptr;  ///< null: it asks for no services, and has been called before
  std::function<void(scope&, const void* message, const result_sink&)> invoke;
};

/// Maps a raised event to the event that leaves the module; a null object: nothing leaves it.
struct event_mapping {
  const message_info* from = nullptr;
  const message_info* to = nullptr;
  std::function<recorded_message(const void* event)> map;
};

/// Turns a refused command or event into the event that says so; null object: nothing is said.
struct rejection {
  const message_info* of = nullptr;
  const message_info* to = nullptr;
  std::function<recorded_message(const void* message, const error_report& reason)> make;
};

namespace detail {

template <class T>
struct stored_by {
  static const collection* of() { return nullptr; }
};
template <class T>
struct stored_by<repository<T>> {
  static const collection* of() { return &aggregate_collection<T>(); }
};
template <class T>
struct stored_by<read_models<T>> {
  static const collection* of() { return &read_model_collection<T>(); }
};

template <class Message>
consteval bool names_its_result() {
  return requires { typename Message::result; };
}

template <class T>
concept declares_retries = requires { requires of_the_type<decltype(&T::conflict_retries)>; };
/// Names that are likely spelling mistakes.
template <class T>
concept misspells_retries =
    requires {
      requires std::is_integral_v<std::remove_reference_t<decltype(T::conflict_retry)>> && of_the_type<decltype(&T::conflict_retry)>;
    } ||
    requires {
      requires std::is_integral_v<std::remove_reference_t<decltype(T::conflicts_retries)>> && of_the_type<decltype(&T::conflicts_retries)>;
    } || requires { requires std::is_integral_v<std::remove_reference_t<decltype(T::retries)>> && of_the_type<decltype(&T::retries)>; };

template <class Message>
consteval bool retries_rightly() {
  constexpr bool is_a_number =
      !declares_retries<Message> || requires { requires std::is_integral_v<std::remove_cv_t<decltype(Message::conflict_retries)>>; };
  static_assert(is_a_number,
                "mamey: a message says how often a version conflict is tried again with `static constexpr int conflict_retries = 3;`.");
  constexpr bool is_called_so = !misspells_retries<Message>;
  static_assert(
      is_called_so,
      "mamey: how often a version conflict is tried again is `static constexpr int conflict_retries`: under this name nobody reads it.");
  return is_a_number && is_called_so;
}

template <class Wanted, class... Needs>
consteval bool asks_for(type_list<Needs...>) {
  return (std::is_same_v<Needs, Wanted> || ...);
}

/// What the kind of a handler decides of a parameter; the start decides the rest.
template <class T>
inline constexpr bool may_be_asked_by_a_reader = !std::is_same_v<T, publisher>;
template <class T>
inline constexpr bool may_be_asked_by_an_event = !std::is_same_v<T, request_headers> && !std::is_same_v<T, answer_headers>;
template <class... Needs>
consteval bool a_reader_may_ask(type_list<Needs...>) {
  return (may_be_asked_by_a_reader<Needs> && ...);
}
template <class... Needs>
consteval bool an_event_may_ask(type_list<Needs...>) {
  return (may_be_asked_by_an_event<Needs> && ...);
}

/// The checks that need the kind of the handler; signature.hpp checks the rest.
template <handler_kind Kind, class Message, class Result, class Needs>
consteval bool fits_kind() {
  if constexpr (Kind == handler_kind::query) {
    constexpr bool only_reads = a_reader_may_ask(Needs{});
    static_assert(only_reads,
                  "mamey: a query only reads, so its handler cannot ask for a publisher: what publishes or sends is a command.");
    constexpr bool names_result = names_its_result<Message>();
    static_assert(names_result, "mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct.");
    if constexpr (names_result) {
      constexpr bool returns_result = std::is_same_v<Result, typename Message::result>;
      static_assert(returns_result,
                    "mamey: a query handler returns what its query names: `using result = …` and the function's return type differ.");
      return returns_result;
    }
    return false;
  } else if constexpr (Kind == handler_kind::domain_event || Kind == handler_kind::integration_event) {
    constexpr bool returns_nothing = std::is_void_v<Result>;
    static_assert(returns_nothing, "mamey: an event handler returns nothing: an event has no answer.");
    constexpr bool needs_no_request = an_event_may_ask(Needs{});
    static_assert(needs_no_request,
                  "mamey: an event has no HTTP request: the headers of request and answer are for handlers of commands and queries that an "
                  "endpoint calls.");
    return returns_nothing && needs_no_request;
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

/// The message's own check, with its services.
template <class T, class Function = decltype(&T::check)>
struct checked_by;
template <class T, class... Services>
struct checked_by<T, void (*)(const T&, violations&, Services&...)> {
  static constexpr const auto& needs = service_list<Services...>;
  static void run(scope& from, const void* message, violations& found) {
    T::check(*static_cast<const T*>(message), found, from.get<std::remove_const_t<Services>>()...);
  }
};

/// `call(scope&, const Message&)` runs the handler.
template <handler_kind Kind, class Signature, class Call>
handler_entry make_entry(std::string full_name, Call call) {
  using message = typename Signature::message;
  using result_type = typename Signature::result;
  constexpr bool in_place = Kind == handler_kind::in_place;
  std::string name(in_place ? std::string_view(full_name) : unqualified(full_name));
  handler_entry entry{.kind = Kind,
                      .message = &message_info_of<message>(),
                      .name = std::move(name),
                      .full_name = in_place ? std::string() : std::move(full_name),
                      .needs = Signature::needs};
  entry.collections = collections_of(typename Signature::dependencies{});
  entry.interactive = asks_for<transaction>(typename Signature::dependencies{});
  entry.needs_user = asks_for<principal>(typename Signature::dependencies{});
  entry.only_reads = Kind == handler_kind::query;
  if constexpr (checks_with_services<message>) {
    entry.check_needs = checked_by<message>::needs;
    entry.check = &checked_by<message>::run;
  }
  if constexpr (!std::is_void_v<result_type>) entry.result = &model_of<result_type>();
  if constexpr (retries_rightly<message>() && declares_retries<message>) entry.conflict_retries = message::conflict_retries;
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
    if constexpr (detail::fits_kind<Kind, typename parts::message, typename parts::result, typename parts::dependencies>()) {
      return detail::make_entry<Kind, parts>(std::string(function_name<Function>),
                                             [](scope& from, const typename parts::message& message) ->
                                             typename parts::result { return parts::call(Function, from, message); });
    }
  }
  return {};
}

/// The entry of a class with `handle`.
template <handler_kind Kind, class Handler>
handler_entry class_handler() {
  using parts = signature<Handler>;
  if constexpr (detail::well_formed<parts>) {
    if constexpr (detail::fits_kind<Kind, typename parts::message, typename parts::result, typename parts::dependencies>()) {
      auto entry = detail::make_entry<Kind, parts>(std::string(type_key_of<Handler>.name),
                                                   [](scope& from, const typename parts::message& message) ->
                                                   typename parts::result { return parts::call(from, message); });
      entry.register_class = [](services& into) { parts::add_to(into); };
      return entry;
    }
  }
  return {};
}

/// The entry of a lambda, for endpoints written in place; `name` is taken as it is. Its result needs no `using result`. `OnlyReads`: of a GET.
template <bool OnlyReads, class Lambda>
handler_entry lambda_handler(std::string name, Lambda lambda) {
  using parts = signature<Lambda>;
  if constexpr (detail::well_formed<parts>) {
    constexpr bool may_publish = !OnlyReads || detail::a_reader_may_ask(typename parts::dependencies{});
    static_assert(
        may_publish,
        "mamey: a GET only reads, so what is written beside it cannot ask for a publisher: bind what publishes or sends with .post.");
    return detail::make_entry<handler_kind::in_place, parts>(
        std::move(name), [lambda = std::move(lambda)](scope& from, const typename parts::message& message) -> typename parts::result {
          return parts::call(lambda, from, message);
        });
  } else {
    return {};
  }
}

}  // namespace mamey::inline v1
