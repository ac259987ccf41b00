#pragma once

/// @file
/// Tests of a module in the words of its domain: send commands, receive events, ask, and look at what was published. In memory, on a virtual clock.
///
///     mamey::testing::harness orders{orders::service()};
///     orders.replace<Pricing>(fixed_price{42});
///     orders.send(CreateOrder{.order_id = id, .customer_id = c});
///     EXPECT_EQ(orders.published<OrderCreated>().at(0).total_amount, 42);

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/services.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/host/module.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
class application;
}

namespace mamey::inline v1::testing {

/// An answer of an endpoint.
struct http_answer {
  int status = 0;
  std::string content_type, location, body;
};

/// A message that left the module, as the bus would carry it.
struct published_message {
  std::string type, id, correlation_id, exchange, routing_key, key, body;
};

/// A message that could not be handled.
struct failed_message {
  std::string handler, type, error_code, error_reason;
};

/// The module with everything the product puts around it (pipeline, unit of work, outbox, inbox, delayed messages, router), an in-memory store, and a transport that
/// keeps what is published. Time stands still but for `advance`. Used from one thread, outside fibers.
class harness {
 public:
  explicit harness(module what);
  explicit harness(application what);
  ~harness();
  harness(const harness&) = delete;
  harness& operator=(const harness&) = delete;

  /// Puts an object in the place of a service (or adds it). Before the first message.
  template <class Service, class Replacement>
  void replace(Replacement replacement) {
    configure([replacement = std::move(replacement)](services& into) { into.template replace<Service>(replacement); });
  }
  void configure(std::function<void(services&)> change);
  /// A configuration value: `orders.set("messaging:immediateRetries", "0")`. Before the first message.
  void set(std::string key, std::string value);

  /// On whose behalf everything from now on is sent, received and asked: `orders.act_as(mamey::principal{.id = "ann", .roles = {"clerk"}})`; nothing: anonymous.
  void act_as(std::optional<principal> user);

  /// Runs the command's handler as an endpoint would; throws what it throws. What it published is on the bus when this returns.
  template <class Command>
  void send(const Command& command) {
    dispatch(message_info_of<Command>(), &command, {});
  }
  /// Runs the query's handler.
  template <class Query>
  auto ask(const Query& query) {
    constexpr bool is_query = requires { typename Query::result; };
    static_assert(is_query, "mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct. A command is sent with `send`.");
    if constexpr (is_query) {
      typename Query::result answer{};
      dispatch(message_info_of<Query>(), &query, [&](void* result) { answer = std::move(*static_cast<typename Query::result*>(result)); });
      return answer;
    }
  }
  /// Delivers an event, or a command the module subscribes to, as the bus would, with inbox and retries, and returns when it is settled. Equal ids are the same message.
  template <class Message>
  void receive(Message message, std::string message_id = {}, std::string correlation_id = {}) {
    deliver(record(std::move(message)), std::move(message_id), std::move(correlation_id));
  }

  /// What has left the module so far, oldest first; has been JSON on the way.
  template <class Event>
  std::vector<Event> published() const {
    std::vector<Event> events;
    for (const auto& each : published_messages()) {
      if (each.type == message_info_of<Event>().name) read_json(each.body, model_of<Event>(), &events.emplace_back());
    }
    return events;
  }
  const std::vector<published_message>& published_messages() const;
  /// The error store.
  std::vector<failed_message> failed();

  http_answer get(std::string_view target);
  http_answer post(std::string_view target, std::string_view json = "{}");
  http_answer put(std::string_view target, std::string_view json = "{}");
  http_answer del(std::string_view target);

  /// Lets virtual time pass: delayed messages and retries become due and are handled.
  void advance(std::chrono::nanoseconds span);

 private:
  static void read_json(const std::string& text, const type_model& model, void* object);
  void dispatch(const message_info& message, const void* object, const result_sink& sink);
  void deliver(recorded_message message, std::string message_id, std::string correlation_id);

  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1::testing
