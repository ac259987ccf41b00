#pragma once

/// @file
/// For services.
/// A module: handlers, endpoints and what they need, as data. Where it runs is composition (see application.hpp).

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <mamey/cqrs/behaviour.hpp>
#include <mamey/cqrs/handler.hpp>
#include <mamey/feature/request_filter.hpp>
#include <mamey/feature/route.hpp>
#include <mamey/host/endpoint.hpp>
#include <mamey/host/exchange_headers.hpp>
#include <mamey/host/injected_work.hpp>
#include <mamey/host/own_options.hpp>
#include <mamey/messaging/failure_rules.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/scheduling/job.hpp>

namespace mamey::inline v1 {

struct module_definition;

using behaviour_type = behaviour;  // inside `module` the name means the member function

/// Handlers and endpoints of one business capability. Store, services and place on the bus are those of the application it is added to.
/// Chain methods return the module to be moved on: `return mamey::module("orders").commands<…>()…;`
class module {
 public:
  explicit module(std::string name);
  module(module&&) noexcept;
  module& operator=(module&&) noexcept;
  ~module();

  /// Handlers of commands: exactly one each in an application. Functions as template arguments, or classes with `handle`. Of an overloaded name (`remove` of the
  /// C library is one, too) say which is meant: `commands<static_cast<void (*)(const Open&)>(handle)>()`.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& commands() {
    return add_functions<handler_kind::command, Functions...>();
  }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& commands() {
    return add_classes<handler_kind::command, Handlers...>();
  }

  /// Handlers of queries; they return what their query names.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& queries() {
    return add_functions<handler_kind::query, Functions...>();
  }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& queries() {
    return add_classes<handler_kind::query, Handlers...>();
  }

  /// Handlers of integration events: each in a unit of work of its own, at least once, its effects once.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& events() {
    return add_functions<handler_kind::integration_event, Functions...>();
  }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& events() {
    return add_classes<handler_kind::integration_event, Handlers...>();
  }

  /// Handlers of events raised by aggregates of the application, whichever module saves them: in the same unit of work; an exception
  /// refuses the whole.
  template <auto... Functions>
    requires(sizeof...(Functions) > 0)
  module&& domain_events() {
    return add_functions<handler_kind::domain_event, Functions...>();
  }
  template <class... Handlers>
    requires(sizeof...(Handlers) > 0)
  module&& domain_events() {
    return add_classes<handler_kind::domain_event, Handlers...>();
  }

  /// Commands that come from the bus as well, sent by other modules' `publisher::send`: handled by their one handler with inbox, retries
  /// and error store. The sender's type names this module's exchange:
  /// `static constexpr mamey::message_options message{.exchange = "orders"};`.
  template <class... Commands>
    requires(sizeof...(Commands) > 0)
  module&& subscribes() {
    return attempt([this] { (subscribe<Commands>(), ...); });
  }

  /// Messages of these types are handled one per key at a time, in the order of publication; a failing one keeps its place while it is
  /// retried. The publisher keeps the order of its keys with `outbox:ordered`.
  template <class... Messages>
    requires(sizeof...(Messages) > 0)
  module&& ordered() {
    return attempt([this] { (order(message_info_of<Messages>()), ...); });
  }

  /// Lifts messages of earlier versions: `OrderCreated lift(const OrderCreatedV1&)`. What is lifted has the wire name of the result and the
  /// version that the parameter's type declares (1 if none); steps follow each other up to the version of the handler's message.
  template <auto... Lifts>
    requires(sizeof...(Lifts) > 0)
  module&& lifts() {
    return attempt([this] { (add_lift_of<Lifts>(typename callable<decltype(Lifts)>::parameters{}), ...); });
  }

  /// A handler that had another name: what was handled under it is not handled again, and what waits for it finds its handler.
  template <auto Function>
  module&& renamed(std::string earlier) {
    return rename(unqualified(function_name<Function>), std::move(earlier));
  }
  template <class Handler>
  module&& renamed(std::string earlier) {
    return rename(unqualified(type_key_of<Handler>.name), std::move(earlier));
  }

  /// A raised event of this type leaves the module as it is. Not needed for types that declare `message_options`.
  template <class... Events>
  module&& publishes() {
    return attempt([this] { (publish(message_info_of<Events>()), ...); });
  }

  /// `Map` turns a raised event into the event that leaves: `std::optional<OrderCreated> map(const OrderPlaced&)`; nothing keeps it
  /// private.
  template <auto Map>
  module&& maps() {
    using parts = callable<decltype(Map)>;
    return add_mapping<Map>(typename parts::parameters{});
  }

  /// `Make` builds the event that tells of a refused message: `CreateOrderRejected make(const CreateOrder&, const mamey::error_report&)`;
  /// an optional of it where some refusals are nobody's business.
  template <auto Make>
  module&& rejects() {
    using parts = callable<decltype(Make)>;
    return add_rejection<Make>(typename parts::parameters{});
  }

  /// What happens with a message whose handler fails, in the place of the retries for all messages: for one handler,
  /// `.on_failure<charge_card>({.immediate_retries = 0, .delayed_retries = {{1min, 1h}}})`; for a message type, `.on_failure<PaymentDue>(…)`;
  /// for a code of errors, `.on_failure("card_declined", {.reaction = mamey::failure_reaction::discard})`. Which one wins: docs/messaging.md.
  template <auto Function>
  module&& on_failure(failure_rule rule) {
    return add_failure_rule(failing::handler, std::string(unqualified(function_name<Function>)), std::move(rule));
  }
  template <class HandlerOrMessage>
  module&& on_failure(failure_rule rule) {
    if constexpr (requires { &HandlerOrMessage::handle; })
      return add_failure_rule(failing::handler, std::string(unqualified(type_key_of<HandlerOrMessage>.name)), std::move(rule));
    else
      return add_failure_rule(failing::message_type, std::string(message_info_of<HandlerOrMessage>().name), std::move(rule));
  }
  module&& on_failure(std::string error_code, failure_rule rule) {
    return add_failure_rule(failing::error_code, std::move(error_code), std::move(rule));
  }

  /// Wraps every handler of the application the module is added to.
  template <class Behaviour>
  module&& behaviour() {
    add_behaviour([](mamey::services& into) { into.add<Behaviour>(); },
                  [](service_provider& from) -> behaviour_type& { return from.get<Behaviour>(); });
    return std::move(*this);
  }

  /// Registers services: `.services([](mamey::services& s) { s.add<Pricing, http_pricing>(); })`.
  module&& services(std::function<void(mamey::services&)> add);

  /// Settings of your own: the section of the configuration as a struct, which everybody in the application can ask for as
  /// `const LoanOptions&`. What is not there leaves the struct's initialisers; a bad value refuses the start with its place, an unknown key
  /// is a warning. `.options<LoanOptions>("loans")`
  template <class Options>
  module&& options(std::string section) {
    add_options(detail::options_in<Options>(std::move(section)));
    return std::move(*this);
  }

  /// An endpoint that binds a command or query from route, query, headers and body, runs its handler and answers.
  template <class Message>
  module&& get(std::string pattern, answer how = {}) {
    return route<Message>(http_method::get, std::move(pattern), std::move(how));
  }
  template <class Message>
  module&& post(std::string pattern, answer how = {}) {
    return route<Message>(http_method::post, std::move(pattern), std::move(how));
  }
  template <class Message>
  module&& put(std::string pattern, answer how = {}) {
    return route<Message>(http_method::put, std::move(pattern), std::move(how));
  }
  template <class Message>
  module&& patch(std::string pattern, answer how = {}) {
    return route<Message>(http_method::patch, std::move(pattern), std::move(how));
  }
  template <class Message>
  module&& del(std::string pattern, answer how = {}) {
    return route<Message>(http_method::del, std::move(pattern), std::move(how));
  }

  /// An endpoint whose handler is written in place: `.get("/hello/{name}", [](const Hello& hello) { return Greeting{…}; })`. Several may take
  /// the same message type. That of a GET only reads, and is cancelled when its client leaves.
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& get(std::string pattern, Lambda handler, answer how = {}) {
    return in_place<http_method::get>(std::move(pattern), std::move(handler), std::move(how));
  }
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& post(std::string pattern, Lambda handler, answer how = {}) {
    return in_place<http_method::post>(std::move(pattern), std::move(handler), std::move(how));
  }
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& put(std::string pattern, Lambda handler, answer how = {}) {
    return in_place<http_method::put>(std::move(pattern), std::move(handler), std::move(how));
  }
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& patch(std::string pattern, Lambda handler, answer how = {}) {
    return in_place<http_method::patch>(std::move(pattern), std::move(handler), std::move(how));
  }
  template <class Lambda>
    requires(!std::convertible_to<Lambda, answer>)
  module&& del(std::string pattern, Lambda handler, answer how = {}) {
    return in_place<http_method::del>(std::move(pattern), std::move(handler), std::move(how));
  }

  // ── Recurring jobs; contract in docs/scheduling.md ──

  /// Sends a command or publishes an event again and again, once per occurrence however many instances run:
  /// `.every(5min, mamey::send<CleanUp>())`. Occurrences are the multiples of `interval` in UTC.
  module&& every(std::chrono::seconds interval, job_message what, job_options options = {});
  /// Likewise at local times: `.cron("0 2 * * *", "Europe/Berlin", mamey::send<CleanUp>())`. A malformed expression and a zone that does
  /// not exist refuse the start.
  module&& cron(std::string expression, std::string zone, job_message what, job_options options = {});

  // ── Beside handlers and endpoints; contracts in docs/feature.md ──

  /// A filter around every request of the application:
  /// `.filter(mamey::request_stage::protect, "limits", [](auto& request, auto& response, auto& next) { next(); })`.
  module&& filter(request_stage stage, std::string name, request_filter run);
  /// A route that is neither command nor query: `.route(mamey::http_method::get, "/page", show_page)`. Without a guard everybody may call
  /// it.
  module&& route(http_method method, std::string pattern, request_function answer, route_guard guard = {});
  /// Work for as long as the application runs: a function that takes singletons by reference. It begins again when it throws, and is
  /// cancelled at the stop. `.background<&follow_prices>("prices")`
  template <auto Function>
  module&& background(std::string name) {
    services([](mamey::services& add) { detail::add_injected_work<Function>(add); });
    return add_background(std::move(name), &detail::run_injected_work<Function>);
  }
  /// Work at a stage of the stop, bounded by `shutdown:stepTimeout`.
  module&& on_stop(shutdown_stage stage, std::string name, std::function<void()> work);

  module_definition& definition() noexcept { return *definition_; }  ///< for the host

 private:
  void refuse(std::exception_ptr reason) noexcept;
  /// `run` reports the errors of composition, because it has an exit code for them; a chain of calls is rarely inside a `try`.
  template <class Work>
  module&& attempt(Work work) {
    try {
      work();
    } catch (...) {  // rethrown when the application starts
      refuse(std::current_exception());
    }
    return std::move(*this);
  }
  module&& add_background(std::string name, void (*run)(service_provider&));
  void add(handler_entry entry);
  void add_options(options_definition wanted);
  void add_route(http_method method, std::string pattern, const message_info& message, answer how);
  void add_in_place(http_method method, std::string pattern, handler_entry entry, answer how);
  void add_behaviour(void (*registration)(mamey::services&), behaviour_type& (*find)(service_provider&));
  void add_map(event_mapping mapping);
  void add_rejected(rejection made);
  void publish(const message_info& event);
  void subscribe(const message_info& command);
  void order(const message_info& message);
  module&& rename(std::string_view handler, std::string earlier);
  enum class failing : std::uint8_t { error_code, handler, message_type };
  module&& add_failure_rule(failing what, std::string name, failure_rule rule);
  void add_lift(const message_info& from, const message_info& to, std::shared_ptr<void> (*lift)(const void*));

  template <class Command>
  void subscribe() {
    constexpr bool is_query = detail::names_its_result<Command>();
    static_assert(!is_query, "mamey: subscribes<…>() lists commands: a query has an answer, which nobody on the bus waits for.");
    if constexpr (!is_query) subscribe(message_info_of<Command>());
  }
  template <handler_kind Kind, auto... Functions>
  module&& add_functions() {
    return attempt([this] { (add(function_handler<Kind, Functions>()), ...); });
  }
  template <handler_kind Kind, class... Handlers>
  module&& add_classes() {
    return attempt([this] { (add(class_handler<Kind, Handlers>()), ...); });
  }
  template <class Message>
  module&& route(http_method method, std::string pattern, answer how) {
    return attempt([&] { add_route(method, std::move(pattern), message_info_of<Message>(), std::move(how)); });
  }
  template <http_method Method, class Lambda>
  module&& in_place(std::string pattern, Lambda handler, answer how) {
    return attempt([&] {
      auto entry = lambda_handler < Method == http_method::get > (pattern, std::move(handler));
      add_in_place(Method, std::move(pattern), std::move(entry), std::move(how));
    });
  }
  template <auto Map, class From>
  module&& add_mapping(type_list<From>) {
    using event = std::remove_cvref_t<From>;
    using told = typename detail::without_optional<std::remove_cvref_t<typename callable<decltype(Map)>::result>>::type;
    return attempt([this] {
      add_map({.from = &message_info_of<event>(), .to = &message_info_of<told>(), .map = [](const void* raised) -> recorded_message {
                 auto mapped = Map(*static_cast<const event*>(raised));
                 if constexpr (requires { mapped.has_value(); })
                   return mapped ? record(std::move(*mapped)) : recorded_message{};
                 else
                   return record(std::move(mapped));
               }});
    });
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
    using told = typename detail::without_optional<std::remove_cvref_t<typename callable<decltype(Make)>::result>>::type;
    return attempt([this] {
      add_rejected({.of = &message_info_of<message>(),
                    .to = &message_info_of<told>(),
                    .make = [](const void* refused, const error_report& reason) -> recorded_message {
                      auto made = Make(*static_cast<const message*>(refused), reason);
                      if constexpr (requires { made.has_value(); })
                        return made ? record(std::move(*made)) : recorded_message{};
                      else
                        return record(std::move(made));
                    }});
    });
  }

  std::unique_ptr<module_definition> definition_;
};

}  // namespace mamey::inline v1
