#pragma once

/// @file
/// For providers and the framework.
/// The parts of section `rabbitMq` that hold for every transport: names of exchanges, queues and headers. An application reads them once.
/// Stores and transports receive them (`environment::naming`).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/messaging/conventions.hpp>

namespace mamey::inline v1 {

class configuration;
struct configuration_problem;

/// These keys of section `rabbitMq` apply to every transport, so that a service can change its transport.
struct bus_naming_options {
  std::string
      conventions_casing;  ///< `snakeCase`: names in snake_case; any other value: names as written. Empty: as written if there is a section `rabbitMq`, else snake_case
  struct exchange_section {
    std::string name;  ///< name of the application's own exchange; empty: `app:assembly`, else the application's name
  } exchange;
  struct queue_section {
    std::string template_;  ///< template of queue names; empty: `{{assembly}}/{{exchange}}.{{message}}`
  } queue;
  struct conventions_section {
    struct attribute_section {
      bool ignore_exchange = false;     ///< ignores the exchange that a message type declares
      bool ignore_routing_key = false;  ///< ignores the routing key that a message type declares
      bool ignore_queue = false;        ///< ignores the queue that a message type declares
    } message_attribute;
  } conventions;
  struct context_section {
    bool enabled = false;                    ///< messages carry a correlation context
    std::string header = "message_context";  ///< name of the context's header
  } context;
  std::string span_context_header = "span_context";  ///< header of the trace in Jaeger's form
};
template <>
struct wire_names<bus_naming_options::queue_section> {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {{"template_", "template"}};
};

/// What the keys mean for one application.
struct bus_naming {
  naming_conventions names;
  bool with_context = false;        ///< messages carry a correlation context
  std::string context_header;       ///< as the section names it
  std::string span_context_header;  ///< likewise
};

/// Throws configuration_error for a value that cannot be read. `remarks` gets values that work and are probably not intended.
bus_naming read_bus_naming(const configuration& values, const std::string& application, std::vector<configuration_problem>& remarks);

}  // namespace mamey::inline v1
