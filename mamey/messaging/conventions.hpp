#pragma once

/// @file
/// For the framework.
/// The names of messages, exchanges, routing keys and queues. They follow the rules of .NET Mamey (Convey) exactly, so that services of
/// both frameworks share a broker.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

enum class name_casing : std::uint8_t {
  as_written,
  snake_case,  ///< `Conveyor.Services.Deliveries/orders.OrderCreated` ⇒ `conveyor.services.deliveries/orders.order_created`
};

/// The key `conventionsCasing` of .NET Mamey (Convey): "snakeCase" (in any case) is snake_case, everything else as written.
name_casing parse_name_casing(std::string_view text) noexcept;
/// Likewise, when the key may be missing: with a section `rabbitMq` but without the key, names are as written, as in .NET; without the
/// section they are snake_case.
name_casing casing_of(std::string_view text, bool section_is_given) noexcept;

/// The application's own exchange. It is the one that the section `rabbitMq` names, as written. If a given section names none, it is the
/// assembly, as in .NET, if one is configured. Otherwise it is the application's name. Names that were not written are in the casing.
std::string exchange_of(const std::string& named, const std::string& assembly, bool section_is_given, const std::string& application,
                        name_casing casing);

struct naming_conventions {
  std::string assembly;        ///< `app.assembly`: replaces `{{assembly}}`; also the exchange when none is named
  std::string exchange;        ///< the application's own exchange
  std::string queue_template;  ///< blank: `{{assembly}}/{{exchange}}.{{message}}`
  name_casing casing = name_casing::as_written;
  std::optional<name_casing> earlier_casing =
      {};                        ///< casing of earlier queue names, where messages may still wait: the start looks for such queues
  bool ignore_exchange = false;  ///< ignores the declaration of the message type
  bool ignore_routing_key = false;
  bool ignore_queue = false;
};

struct message_names {
  std::string exchange;
  std::string routing_key;
  std::string queue;  ///< of a subscriber with these conventions: its own assembly, the publisher's exchange
};

/// `type_name` is the type's unqualified name; `declared.name` replaces it.
/// Throws validation_error when the template asks for `{{assembly}}` and none is configured (C++ has no assemblies).
message_names names_of(std::string_view type_name, const message_options& declared, const naming_conventions& conventions);

/// An underscore before every upper-case ASCII letter unless it is first or follows '.' or '/', then lower case.
std::string in_casing(std::string_view text, name_casing casing);

}  // namespace mamey::inline v1
