#pragma once

/// @file
/// A module: handlers, endpoints and what they need, as data. Where it runs is composition (see application.hpp).

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/handler.hpp>
#include <mamey/host/endpoint.hpp>

namespace mamey::inline v1 {

struct module_definition;
using behaviour_type = behaviour;  // inside `module` the name means the member function

/// Handlers and endpoints of one business capability. Store, services and place on the bus are those of the application it is added to. Chain methods consume the module: `return mamey::module("orders").commands<…>()…;`
class module {
 public:
  explicit module(std::string name);
  module(module&&) noexcept;
  module& operator=(module&&) noexcept;
  ~module();

  /// Handlers of commands: exactly one each in an application. Functions as template arguments, or classes with `handle`.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& commands() && { return add_functions<handler_kind::command, Functions...>(); }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& commands() && { return add_classes<handler_kind::command, Handlers...>(); }

  /// Handlers of queries; they return what their query names.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& queries() && { return add_functions<handler_kind::query, Functions...>(); }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& queries() && { return add_classes<handler_kind::query, Handlers...>(); }

  /// Handlers of integration events: each in a unit of work of its own, at least once, its effects once.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& events() && { return add_functions<handler_kind::integration_event, Functions...>(); }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& events() && { return add_classes<handler_kind::integration_event, Handlers...>(); }

  /// Handlers of events raised by this module's own aggregates: in the same unit of work; an exception refuses the whole.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& domain_events() && { return add_functions<handler_kind::domain_event, Functions...>(); }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& domain_events() && { return add_classes<handler_kind::domain_event, Handlers...>(); }

  /// Commands that come from the bus as well, sent by other modules' `publisher::send`: handled by their one handler with inbox, retries and error store. The
  /// sender's type names this module's exchange: `static constexpr mamey::message_options message{.exchange = "orders"};`.
  template <class... Commands>
    requires(sizeof...(Commands) > 0)
  module&& subscribes() && {
    (subscribe<Commands>(), ...);
    return std::move(*this);
  }

  /// Messages of these types are handled one a key at a time, in the order they were published in; a failing one keeps its place while it is retried. The
  /// publisher keeps the order of its keys with `outbox:ordered`.
  template <class... Messages>
    requires(sizeof...(Messages) > 0)
  module&& ordered() && {
    (order(message_info_of<Messages>()), ...);
    return std::move(*this);
  }

  /// Lifts messages of earlier versions: `OrderCreated lift(const OrderCreatedV1&)`. What is lifted has the wire name of the result and the version that the
  /// parameter's type declares (1 if none); steps follow each other up to the version of the handler's message.
  template <auto... Lifts>
    requires(sizeof...(Lifts) > 0)
  module&& lifts() && {
    (add_lift_of<Lifts>(typename callable<decltype(Lifts)>::parameters{}), ...);
    return std::move(*this);
  }

  /// A handler that had another name: what was handled under it is not handled again, and what waits for it finds its handler.
  template <auto Function>
  module&& renamed(std::string earlier) && {
    return rename(unqualified(function_name<Function>), std::move(earlier));
  }
  template <class Handler>
  module&& renamed(std::string earlier) && {
    return rename(unqualified(type_key_of<Handler>.name), std::move(earlier));
  }

  /// A raised event of this type leaves the module as it is. Not needed for types that declare `message_options`.
  template <class... Events>
  module&& publishes() && {
    (publish(message_info_of<Events>()), ...);
    return std::move(*this);
  }

  /// `Map` turns a raised event into the event that leaves: `std::optional<OrderCreated> map(const OrderPlaced&)`; nothing keeps it private.
  template <auto Map>
  module&& maps() && {
    using parts = callable<decltype(Map)>;
    return add_mapping<Map>(typename parts::parameters{});
  }

  /// `Make` builds the event that tells of a refused message: `CreateOrderRejected make(const CreateOrder&, const mamey::error_report&)`.
  template <auto Make>
  module&& rejects() && {
    using parts = callable<decltype(Make)>;
    return add_rejection<Make>(typename parts::parameters{});
  }

  /// Wraps every handler of the application the module is added to.
  template <class Behaviour>
  module&& behaviour() && {
    add_behaviour([](mamey::services& into) { into.add<Behaviour>(); }, [](service_provider& from) -> behaviour_type& { return from.get<Behaviour>(); });
    return std::move(*this);
  }

  /// Registers services: `.services([](mamey::services& s) { s.add<Pricing, http_pricing>(); })`.
  module&& services(std::function<void(mamey::services&)> add) &&;

  /// An endpoint that binds a command or query from route, query, headers and body, runs its handler and answers.
  template <class Message>
  module&& get(std::string pattern, answer how = {}) && { return route<Message>(http_method::get, std::move(pattern), std::move(how)); }
  template <class Message>
  module&& post(std::string pattern, answer how = {}) && { return route<Message>(http_method::post, std::move(pattern), std::move(how)); }
  template <class Message>
  module&& put(std::string pattern, answer how = {}) && { return route<Message>(http_method::put, std::move(pattern), std::move(how)); }
  template <class Message>
  module&& patch(std::string pattern, answer how = {}) && { return route<Message>(http_method::patch, std::move(pattern), std::move(how)); }
  template <class Message>
  module&& del(std::string pattern, answer how = {}) && { return route<Message>(http_method::del, std::move(pattern), std::move(how)); }

  /// An endpoint whose handler is written in place: `.get("/hello/{name}", [](const Hello& hello) { return Greeting{…}; })`.
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& get(std::string pattern, Lambda handler) && { return in_place(http_method::get, std::move(pattern), std::move(handler)); }
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& post(std::string pattern, Lambda handler) && { return in_place(http_method::post, std::move(pattern), std::move(handler)); }

  module_definition& definition() noexcept { return *definition_; }  ///< for the host

 private:
  void add(handler_entry entry);
  void add_route(http_method method, std::string pattern, const message_info& message, answer how);
  void add_in_place(http_method method, std::string pattern, handler_entry entry);
  void add_behaviour(void (*registration)(mamey::services&), behaviour_type& (*find)(service_provider&));
  void add_map(event_mapping mapping);
  void add_rejected(rejection made);
  void publish(const message_info& event);
  void subscribe(const message_info& command);
  void order(const message_info& message);
  module&& rename(std::string_view handler, std::string earlier);
  void add_lift(const message_info& from, const message_info& to, std::shared_ptr<void> (*lift)(const void*));

  template <class Command>
  void subscribe() {
    constexpr bool is_query = detail::names_its_result<Command>();
    static_assert(!is_query, "mamey: subscribes<…>() lists commands: a query has an answer, which nobody on the bus waits for.");
    if constexpr (!is_query) subscribe(message_info_of<Command>());
  }
  template <handler_kind Kind, auto... Functions>
  module&& add_functions() {
    (add(function_handler<Kind, Functions>()), ...);
    return std::move(*this);
  }
  template <handler_kind Kind, class... Handlers>
  module&& add_classes() {
    (add(class_handler<Kind, Handlers>()), ...);
    return std::move(*this);
  }
  template <class Message>
  module&& route(http_method method, std::string pattern, answer how) {
    add_route(method, std::move(pattern), message_info_of<Message>(), std::move(how));
    return std::move(*this);
  }
  template <class Lambda>
  module&& in_place(http_method method, std::string pattern, Lambda handler) {
    auto name = std::string(pattern);
    add_in_place(method, std::move(pattern), lambda_handler(name, std::move(handler)));
    return std::move(*this);
  }
  template <auto Map, class From>
  module&& add_mapping(type_list<From>) {
    using event = std::remove_cvref_t<From>;
    add_map({.from = &message_info_of<event>(), .map = [](const void* raised) -> recorded_message {
      auto mapped = Map(*static_cast<const event*>(raised));
      if constexpr (requires { mapped.has_value(); }) return mapped ? record(std::move(*mapped)) : recorded_message{};
      else return record(std::move(mapped));
    }});
    return std::move(*this);
  }
  template <auto Lift, class From>
  void add_lift_of(type_list<From>) {
    using earlier = std::remove_cvref_t<From>;
    using later = decltype(Lift(std::declval<const earlier&>()));
    add_lift(message_info_of<earlier>(), message_info_of<later>(),
             [](const void* from) -> std::shared_ptr<void> { return std::make_shared<later>(Lift(*static_cast<const earlier*>(from))); });
  }
  template <auto Make, class Of, class Error>
  module&& add_rejection(type_list<Of, Error>) {
    using message = std::remove_cvref_t<Of>;
    add_rejected({.of = &message_info_of<message>(),
                  .make = [](const void* refused, const error_report& reason) { return record(Make(*static_cast<const message*>(refused), reason)); }});
    return std::move(*this);
  }

  std::unique_ptr<module_definition> definition_;
};

}  // namespace mamey::inline v1
