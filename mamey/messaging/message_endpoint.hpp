#pragma once

/// @file
/// For the framework.
/// The whole messaging of one application: its subscriptions, outbox relay, delayed messages and cleanup, started and stopped in the right
/// order.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/delayed_pump.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/relay.hpp>
#include <mamey/messaging/subscription_runner.hpp>
#include <mamey/messaging/transport.hpp>
#include <mamey/messaging/versions.hpp>

namespace mamey::inline v1 {

class event_loop;

struct message_endpoint_parts {
  std::string service;            ///< the application's name
  store* module_store = nullptr;  ///< null: no outbox (see direct_publisher), and subscriptions have no inbox
  transport* through = nullptr;
  std::vector<subscription> subscriptions;
  exchange_declaration own_exchange;  ///< empty name: none is declared
  const upcasters* lifts = nullptr;
  outbox_options outbox;
  messaging_options messaging;
  event_loop* system_loop = nullptr;
  std::vector<event_loop*> workers;
  /// No other process writes to the store: idle loops sleep until a row is due or committed, for at most an hour, instead of checking at
  /// intervals. For tests on a virtual clock.
  bool alone = false;
};

struct messaging_statistics {
  /// The last reading: at most one second old while messages are sent, handled or waiting here. Otherwise at most a minute old; asking for
  /// one that is older than a second makes a new one, for the next who asks.
  outbox_state backlog;
  relay_statistics outbox;
  std::vector<subscription_statistics> subscriptions;
  delayed_pump_statistics delayed;
  std::int64_t errors = 0;  ///< records in the error store, as of the same reading
  std::string trouble;      ///< why messaging is degraded; empty when it is not
};

class message_endpoint {
 public:
  /// Throws validation_error with every problem of the options (see problems_of), and for names of subscriptions or handlers that are
  /// missing, contain '#' or repeat. The objects in `parts` must outlive the endpoint.
  explicit message_endpoint(message_endpoint_parts parts);
  ~message_endpoint();
  message_endpoint(const message_endpoint&) = delete;
  message_endpoint& operator=(const message_endpoint&) = delete;

  // Start, in a fiber. In a host of several applications, finish one step for all before the next begins: an event published before another
  // application has declared its queues would be unroutable.
  void declare();  ///< queues and bindings; when the broker is away, this is logged and they are declared later
  void start_consuming();
  void start_relay();  ///< outbox, delayed messages, upkeep

  // Stop, in a fiber, in this order (shutdown stages cancel_consumers, finish_in_flight, stop_relays). Each is safe without its start.
  void cancel_consumers();
  void finish_in_flight(std::chrono::nanoseconds grace);
  void stop_relay(std::chrono::nanoseconds grace);

  /// Ends the pause of a subscription (`subscription_statistics::name`). Never suspends. Throws not_found for a name that no subscription
  /// has, and conflict for one that is not paused.
  void resume(std::string_view subscription);

  /// Any thread; never suspends.
  messaging_statistics statistics() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
