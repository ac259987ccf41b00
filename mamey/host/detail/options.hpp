#pragma once

/// @file
/// The sections the host reads itself.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

/// Section `app`.
struct app_options {
  std::string name;      ///< title of the OpenAPI document; empty: the application's name
  std::string service;   ///< accepted and without effect
  std::string instance;  ///< accepted and without effect
  std::string version;   ///< of the OpenAPI document; empty: `1.0.0`
  std::string assembly;  ///< what stands for `{{assembly}}` in queue names; empty: the application's name
};

/// Section `persistence`.
struct persistence_options {
  std::string store;  ///< `sqlite` or `postgres`, of those the application has; empty: `postgres` where `postgres:connectionString` is given and the application has both
};

/// Section `shutdown`.
struct shutdown_options {
  std::chrono::milliseconds drain_delay{0};       ///< between "not ready" and "no more connections", for balancers that look now and then
  std::chrono::milliseconds idle_grace{1'000};      ///< after "no more connections", for clients to ask once more on one they keep; silent ones are closed then
  std::chrono::milliseconds drain_timeout{15'000};  ///< how long requests, and then messages, in flight may take to end
};

/// Section `management`.
struct management_options {
  bool log_level = true;  ///< `POST /logging/level?level=debug&category=…`
  bool messages = false;  ///< `/_messages`
  std::string api_key;    ///< asked for as header `X-Api-Key` by what changes something; empty: only callers of this machine may
};

/// The parts of section `rabbitMq` that name exchanges and queues: they hold for every transport, so that a service can change it.
struct naming_options {
  std::string conventions_casing;  ///< `snakeCase` (also when empty), anything else: names as written
  struct exchange_section {
    std::string name;  ///< of the application's own exchange; empty: the application's name
  } exchange;
  struct queue_section {
    std::string template_;  ///< of queue names; empty: `{{assembly}}/{{exchange}}.{{message}}`
  } queue;
  struct conventions_section {
    struct attribute_section {
      bool ignore_exchange = false;     ///< the exchange a message type declares does not count
      bool ignore_routing_key = false;  ///< its routing key does not count
      bool ignore_queue = false;        ///< its queue does not count
    } message_attribute;
  } conventions;
};
template <>
struct wire_names<naming_options::queue_section> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"template_", "template"}};
};

}  // namespace mamey::inline v1
