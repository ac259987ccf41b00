#pragma once

/// @file
/// An envelope as RabbitMQ carries it: exactly the properties and headers of .NET Mamey (Convey), and ours in addition. Pure.
///
/// All our headers are long strings, and one repeats the message id: a .NET service copies the headers of what it handles onto what it
/// publishes, so when that one differs from the message's id, ours belong to another message and count for nothing.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/rabbitmq/detail/amqp_codec.hpp>
#include <mamey/messaging/rabbitmq/detail/user_signature.hpp>

namespace mamey::inline v1::rabbitmq_detail {

struct wire_format {
  std::string span_context_header = "span_context";
  bool with_context = false;  ///< section `context.enabled`: every message carries a context, `{}` when there is none
  std::string context_header = "message_context";
  std::vector<std::string> trusted_exchanges;         ///< whose unsigned messages say who the user is
  std::shared_ptr<const user_signatures> signatures;  ///< null: nothing is signed, and no signature counts
};

message_properties to_wire(const envelope& message, const wire_format& format);

/// `exchange` and `routing_key` as the delivery names them; of a message that comes from a delay queue, those it was published to. The user
/// is who a signature of ours or a trusted exchange says, else nobody.
envelope from_wire(message_properties&& properties, std::string&& body, std::string_view exchange, std::string_view routing_key,
                   const wire_format& format);

/// Jaeger's `trace:span:parent:flags` ⇄ W3C's traceparent; empty when it is neither.
std::string span_context_of(std::string_view traceparent);
std::string traceparent_of(std::string_view span_context);

}  // namespace mamey::inline v1::rabbitmq_detail
