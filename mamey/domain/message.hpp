#pragma once

/// @file
/// What makes a struct a message: its wire name, version and place on the bus, read from the type itself.

#include <concepts>
#include <memory>
#include <string>
#include <string_view>

#include <mamey/core/reflect.hpp>
#include <mamey/domain/access.hpp>

namespace mamey::inline v1 {

/// Declared by a message type: `static constexpr mamey::message_options message{.exchange = "orders", .version = 2};`. Empty: by convention.
/// An event that declares it is a contract with other services: when an aggregate raises it, it is published.
struct message_options {
  const char* name = "";         ///< wire name; default: the type's unqualified name
  const char* exchange = "";     ///< default: the application's own exchange
  const char* routing_key = "";  ///< default: the name, in the configured casing
  const char* queue = "";        ///< default: the queue template
  int version = 1;
  int min_version = 1;           ///< the oldest reader that understands this version
};

/// A message type without its type: what dispatch, transports and codecs need.
struct message_info {
  std::string_view name;
  const type_key* key = nullptr;
  const type_model* model = nullptr;
  message_options options;
  bool is_contract = false;                  ///< declares `message_options`
  access_rule access;                        ///< `static constexpr auto access()` of the type
  std::shared_ptr<void> (*make)() = nullptr;  ///< a default-constructed object, to read into
};

namespace detail {
template <class Message>
message_info make_message_info() {
  message_info info{.name = unqualified(type_key_of<Message>.name), .key = &type_key_of<Message>, .model = &model_of<Message>(), .options = {}};
  info.make = [] { return std::shared_ptr<void>(std::make_shared<Message>()); };
  if constexpr (requires { Message::message; }) {
    info.options = Message::message;
    info.is_contract = true;
    if (*info.options.name != '\0') info.name = info.options.name;
  }
  if constexpr (requires(const Message& any) { any.access(); }) {
    constexpr bool is_static = requires { { Message::access() } -> std::same_as<access_rule>; };
    static_assert(is_static, "mamey: access() of a message is static and returns a rule: `static constexpr auto access() { return mamey::requires_role(\"admin\"); }`.");
    if constexpr (is_static) info.access = Message::access();
  }
  return info;
}
}  // namespace detail

template <class Message>
const message_info& message_info_of() {
  static const message_info info = detail::make_message_info<Message>();
  return info;
}

/// A message as an object, on its way from where it was made (an aggregate, a handler) to handlers of this module or to the outbox.
struct recorded_message {
  const message_info* info = nullptr;
  std::shared_ptr<const void> object;
  std::string key;            ///< ordering key: the aggregate's id, or what the publisher said
  std::string stream;         ///< the aggregate it was raised by, e.g. `orders/8b2f…`
  std::int64_t position = 0;  ///< its place in that stream, from 1
  bool is_command = false;    ///< one must take it: that nobody does is a failure
};

template <class Message>
recorded_message record(Message message) {
  return {.info = &message_info_of<Message>(), .object = std::make_shared<const Message>(std::move(message)), .key = {}, .stream = {}};
}

}  // namespace mamey::inline v1
