#pragma once

/// @file
/// For services.
/// Tests of a module in the language of its domain: send commands, receive events, ask queries, and check published messages. In memory, on
/// a virtual clock.
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
#include <mamey/core/time.hpp>
#include <mamey/cqrs/dispatcher.hpp>
#include <mamey/host/module.hpp>
#include <mamey/http/method.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
class application;
}

namespace mamey::inline v1::testing {

/// Names and values of header fields: `{{"Authorization", "Bearer …"}}`.
using header_list = std::vector<std::pair<std::string, std::string>>;

/// An answer of an endpoint.
struct http_answer {
  int status = 0;
  std::string content_type, location, body;
  header_list headers;  ///< without the fields that the server adds (Date, Content-Length, Connection)

  /// The value of a header, by its name in any case; empty when the answer has none.
  std::optional<std::string> header(std::string_view name) const;
};

/// A message that left the module, as the bus would carry it.
struct published_message {
  std::string type, id, correlation_id, exchange, routing_key, key, body;
};

/// A message in the error store.
struct failed_message {
  std::string handler, type, error_code, error_reason;
  std::string id;          ///< of the record: for `retry` and `discard`
  std::string message_id;  ///< of the message
  std::string body;
  int attempts = 0;
};

/// A module in the product's own surroundings (pipeline, unit of work, outbox, inbox, delayed messages, router), with an in-memory store
/// and a transport that keeps the published messages. Time stands still except during `advance`. Used from one thread, outside fibers.
///
/// The store is SQLite in memory, for an application with any store. Migrations of SQLite (`mamey::sqlite({…})`, `sqlite:migrations`) run
/// as in the product. Migrations of another store run as far as SQLite understands their SQL; a warning names the first one that it does
/// not understand. With `keep_store` it is the application's own.
class harness {
 public:
  /// An application of that module alone, with a store and messaging.
  explicit harness(module what);
  /// An application with neither store nor messaging gets both; one that has one of them is taken as it is.
  explicit harness(application what);
  /// Stops in order. Does not throw: parts that cannot be stopped any more (after `advance` threw) are dropped.
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
  /// Keeps the application's own store, as the configuration describes it, in the place of SQLite in memory: for handlers whose SQL only
  /// PostgreSQL understands. Give it an empty schema. Before the first message. On PostgreSQL, what was scheduled becomes due by the
  /// server's clock, which `advance` does not move. The first message throws std::logic_error where SQLite is the only store.
  void keep_store();
  /// A configuration file (`appsettings.json`), over what has been set and loaded so far. Before the first message. Throws
  /// configuration_error.
  void load(const std::string& file);

  /// Sets the user for all later calls: `orders.act_as(mamey::principal{.id = "ann", .roles = {"clerk"}})`; empty: anonymous.
  void act_as(std::optional<principal> user);

  /// Runs the command's handler as an endpoint would; throws its exception. Its published messages are on the bus when this returns.
  template <class Command>
  void send(const Command& command) {
    dispatch(message_info_of<Command>(), &command, {});
  }
  /// Runs the query's handler.
  template <class Query>
  auto ask(const Query& query) {
    constexpr bool is_query = requires { typename Query::result; };
    static_assert(
        is_query,
        "mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct. A command is sent with `send`.");
    if constexpr (is_query) {
      typename Query::result answer{};
      dispatch(message_info_of<Query>(), &query, [&](void* result) { answer = std::move(*static_cast<typename Query::result*>(result)); });
      return answer;
    }
  }
  /// Delivers an event, or a command the module subscribes to, as the bus would, with inbox and retries, and returns when it is settled.
  /// Equal ids are the same message.
  template <class Message>
  void receive(Message message, std::string message_id = {}, std::string correlation_id = {}) {
    deliver(record(std::move(message)), std::move(message_id), std::move(correlation_id));
  }

  /// The events that have left the module so far, oldest first; each was written as JSON and read again.
  template <class Event>
  std::vector<Event> published() const {
    std::vector<Event> events;
    for (const auto& each : published_messages()) {
      if (each.type == message_info_of<Event>().name) read_json(each.body, model_of<Event>(), &events.emplace_back());
    }
    return events;
  }
  const std::vector<published_message>& published_messages() const;
  /// The error store, oldest first; at most 1000.
  std::vector<failed_message> failed();
  /// Runs the failed handler again, as `POST /_messages/errors/ID/retry` does, and returns when it has run. Throws not_found, and conflict
  /// when the message was handled meanwhile. `retry(orders.failed().at(0).id)`
  void retry(std::string_view id);
  /// Takes a failed message out of the error store. Throws not_found.
  void discard(std::string_view id);

  // Requests as they come from the server, all of the router included. `headers` stand beside `Host` and `Content-Type: application/json`
  // and replace them.
  http_answer get(std::string_view target, const header_list& headers = {});
  http_answer head(std::string_view target, const header_list& headers = {});
  http_answer post(std::string_view target, std::string_view json = "{}", const header_list& headers = {});
  http_answer put(std::string_view target, std::string_view json = "{}", const header_list& headers = {});
  http_answer patch(std::string_view target, std::string_view json = "{}", const header_list& headers = {});
  http_answer del(std::string_view target, const header_list& headers = {});
  /// A request with any method, also with one that has no function of its own.
  http_answer request(http_method method, std::string_view target, std::string_view body = {}, const header_list& headers = {});

  /// The virtual time, which handlers see with `mamey::now_utc()`. Begins at 2025-01-01T00:00:00Z.
  timestamp now() const;
  /// Sets the time. Before the first message.
  void start_at(timestamp time);
  /// Lets virtual time pass: delayed messages and retries become due and are handled. Where nothing is due, time jumps. Throws
  /// std::logic_error, naming the fibers, after more than ten million steps: some work repeats without end.
  void advance(std::chrono::nanoseconds span);

 private:
  static void read_json(const std::string& text, const type_model& model, void* object);
  void dispatch(const message_info& message, const void* object, const result_sink& sink);
  void deliver(recorded_message message, std::string message_id, std::string correlation_id);

  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1::testing
