#pragma once

/// @file
/// Applications that message each other in simulated time, each with a store in memory.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/messaging/message_endpoint.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <tests/support/memory_store.hpp>

namespace mamey::testing {

using namespace std::chrono_literals;

/// Waits in virtual time until `holds`; says what did not happen.
template <class Condition>
void eventually(Condition holds, const char* what, std::chrono::seconds within = 600s) {
  const auto until = steady_now() + within;
  while (!holds()) {
    if (steady_now() >= until) {
      ADD_FAILURE() << what << " did not happen within " << within.count() << " s";
      return;
    }
    sleep_for(5ms);
  }
}

/// An application: what it publishes, what its handlers do and how often they did it.
class test_application {
 public:
  test_application(std::string name, transport& through, event_loop& loop, messaging_options messaging = quick(),
                   outbox_options outbox = {})
      : name_(std::move(name)) {
    parts_.service = name_;
    parts_.module_store = &store;
    parts_.through = &through;
    parts_.own_exchange.name = name_;
    parts_.messaging = std::move(messaging);
    parts_.outbox = std::move(outbox);
    parts_.system_loop = &loop;
    parts_.workers = {&loop};
    store.apply = [this](const sql_statement& statement) { ++effects[statement.text]; };
  }

  /// Few and short retries.
  static messaging_options quick() {
    messaging_options options;
    options.concurrency = 4;
    options.immediate_retries = 1;
    options.delayed_retries = {100ms, 1s};
    options.retry_jitter = 0;
    options.handler_timeout = 5s;
    return options;
  }

  /// A handler that commits one effect named for it and the message; `work` runs before and may throw.
  using work_type = std::function<void(const envelope&, handling_context&)>;
  message_handler handler(std::string name, work_type work = {}) {
    message_handler made;
    made.name = name;
    made.handle = [this, name, work](const envelope& message, handling_context& context) {
      ++starts[name + "/" + message.id];
      if (work) work(message, context);
      change_set changes;
      changes.statements.push_back({.text = name + "/" + message.id, .parameters = {}, .expected_rows = {}});
      context.seal(changes);
      return store.commit(changes) == commit_outcome::committed ? handling_result::committed : handling_result::already_handled;
    };
    return made;
  }

  subscription& subscribe(std::string exchange, std::string routing_key, std::vector<message_handler> handlers) {
    subscription made;
    made.name = routing_key;
    made.message_type = routing_key;
    made.exchange = std::move(exchange);
    made.routing_key = std::move(routing_key);
    made.queue = name_ + "/" + made.exchange + "." + made.routing_key;
    made.handlers = std::move(handlers);
    parts_.subscriptions.push_back(std::move(made));
    return parts_.subscriptions.back();
  }

  void start() {
    endpoint = std::make_unique<message_endpoint>(parts_);
    endpoint->declare();
    endpoint->start_consuming();
    endpoint->start_relay();
  }
  void stop(std::chrono::seconds grace = 10s) {
    endpoint->cancel_consumers();
    endpoint->finish_in_flight(grace);
    endpoint->stop_relay(grace);
    endpoint.reset();
  }

  void publish(std::string id, std::string routing_key, std::string key = {}) {
    envelope message;
    message.id = std::move(id);
    message.type = routing_key;
    message.key = std::move(key);
    message.exchange = name_;
    message.routing_key = std::move(routing_key);
    publish(std::move(message));
  }
  void publish(envelope message) {
    change_set changes;
    changes.outbox.push_back(std::move(message));
    store.commit(changes);
  }
  subscription_statistics statistics(std::size_t of = 0) const { return endpoint->statistics().subscriptions.at(of); }

  memory_store store;
  std::map<std::string, int> effects;  ///< committed, by handler/message
  std::map<std::string, int> starts;   ///< of handlers, by handler/message
  std::unique_ptr<message_endpoint> endpoint;
  message_endpoint_parts& parts() { return parts_; }

 private:
  std::string name_;
  message_endpoint_parts parts_;
};

/// Orders publish, deliveries listen.
class messaging_in_process : public ::testing::Test {
 protected:
  void start() {
    for (auto* each : {&orders, &deliveries}) each->start();
  }
  void stop() {
    for (auto* each : {&orders, &deliveries}) each->endpoint->cancel_consumers();
    for (auto* each : {&orders, &deliveries}) each->endpoint->finish_in_flight(10s);
    for (auto* each : {&orders, &deliveries}) {
      each->endpoint->stop_relay(10s);
      each->endpoint.reset();
    }
  }

  simulated_runtime time;
  in_process_transport bus{time.loop()};
  test_application orders{"orders", bus, time.loop()};
  test_application deliveries{"deliveries", bus, time.loop()};
};

}  // namespace mamey::testing
