#pragma once

/// @file
/// How messages, exchanges, routing keys and queues are named: the rules of Convey, byte for byte, so that services of both kinds share a
/// broker.

#include <cstdint>
#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

enum class name_casing : std::uint8_t {
  as_written,
  snake_case,  ///< `Conveyor.Services.Deliveries/orders.OrderCreated` ⇒ `conveyor.services.deliveries/orders.order_created`
};

/// The reference's `conventionsCasing`: "snakeCase" in any case is snake_case, everything else as written.
name_casing parse_name_casing(std::string_view text) noexcept;

struct naming_conventions {
  std::string assembly;        ///< `app.assembly`: replaces `{{assembly}}`; also the exchange when none is named
  std::string exchange;        ///< the application's own exchange
  std::string queue_template;  ///< blank: `{{assembly}}/{{exchange}}.{{message}}`
  name_casing casing = name_casing::as_written;
  bool ignore_exchange = false;  ///< what the message type declares does not count
  bool ignore_routing_key = false;
  bool ignore_queue = false;
};

struct message_names {
  std::string exchange;
  std::string routing_key;
  std::string queue;  ///< of a subscriber with these conventions: its own assembly, the publisher's exchange
};

/// `type_name` is the type's unqualified name; `declared.name` replaces it.
/// Throws validation_error when the template asks for `{{assembly}}` and none is configured (C++ has no assemblies to ask).
message_names names_of(std::string_view type_name, const message_options& declared, const naming_conventions& conventions);

/// An underscore before every upper-case ASCII letter unless it is first or follows '.' or '/', then lower case.
std::string in_casing(std::string_view text, name_casing casing);

}  // namespace mamey::inline v1
