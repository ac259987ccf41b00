#pragma once

/// @file
/// For services.
/// A message type: its wire name, version and place on the bus, read from the struct.

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/core/special_members.hpp>
#include <mamey/domain/access.hpp>

namespace mamey::inline v1 {

/// Declared by a message type: `static constexpr mamey::message_options message{.exchange = "orders", .version = 2};`. Empty: by
/// convention. An event that declares it is a contract with other services: when an aggregate raises it, it is published.
struct message_options {
  const char* name = "";         ///< wire name; default: the type's unqualified name
  const char* exchange = "";     ///< default: the application's own exchange
  const char* routing_key = "";  ///< default: the name, in the configured casing
  const char* queue = "";        ///< default: the queue template
  int version = 1;
  int min_version = 1;  ///< the oldest reader that understands this version
};

/// A message type at run time, for dispatch, transports and codecs.
struct message_info {
  std::string_view name;
  const type_key* key = nullptr;
  const type_model* model = nullptr;
  message_options options;
  bool is_contract = false;                   ///< declares `message_options`
  access_rule access;                         ///< `static constexpr auto access()` of the type
  std::shared_ptr<void> (*make)() = nullptr;  ///< a default-constructed object, to read into
};

namespace detail {

template <class T>
concept declares_message = requires { requires of_the_type<decltype(&T::message)>; };
template <class T>
concept declares_access = requires { requires of_the_type<decltype(&T::access)>; };
/// Names that are likely spelling mistakes.
template <class T>
concept misspells_message =
    requires { requires std::same_as<const message_options, std::remove_reference_t<const decltype(T::options)>>; } ||
    requires { requires std::same_as<const message_options, std::remove_reference_t<const decltype(T::message_options)>>; };
template <class T>
concept misspells_access = requires {
                             { T::acces() } -> std::same_as<access_rule>;
                           } || requires {
                                  { T::authorize() } -> std::same_as<access_rule>;
                                } || requires {
                                       { T::requires_role() } -> std::same_as<access_rule>;
                                     };

template <class Message>
message_info make_message_info() {
  message_info info{
      .name = unqualified(type_key_of<Message>.name), .key = &type_key_of<Message>, .model = &model_of<Message>(), .options = {}};
  info.make = [] { return std::shared_ptr<void>(std::make_shared<Message>()); };
  constexpr bool is_named_message = !misspells_message<Message>;
  static_assert(is_named_message,
                "mamey: a contract is declared as `static constexpr mamey::message_options message{.exchange = \"orders\"};`: under this "
                "name nobody reads it.");
  if constexpr (declares_message<Message>) {
    constexpr bool holds_options = requires { requires std::same_as<const message_options, const decltype(Message::message)>; };
    static_assert(
        holds_options,
        "mamey: `message` of a message type is its contract: `static constexpr mamey::message_options message{.exchange = \"orders\"};`.");
    if constexpr (holds_options) {
      info.options = Message::message;
      info.is_contract = true;
      if (*info.options.name != '\0') info.name = info.options.name;
    }
  }
  constexpr bool is_named_access = !misspells_access<Message>;
  static_assert(is_named_access,
                "mamey: who may have a message handled stands in `static constexpr auto access()`: under this name nobody reads it.");
  if constexpr (declares_access<Message> || requires(const Message& any) { any.access(); }) {
    constexpr bool is_static = requires {
                                 { Message::access() } -> std::same_as<access_rule>;
                               };
    static_assert(is_static,
                  "mamey: access() of a message is static and returns a rule: `static constexpr auto access() { return "
                  "mamey::requires_role(\"admin\"); }`.");
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

namespace detail {

bool note_dispatched(const message_info& (*message)());
/// The message types that code of this program sends or asks inside the process. They are known before main, so the start can report one
/// that nobody handles.
std::vector<const message_info*> dispatched_messages();
template <class Message>
inline const bool is_dispatched = note_dispatched(&message_info_of<Message>);

bool note_sent(const message_info& (*message)());
/// The commands that code of this program sends over the bus, likewise.
std::vector<const message_info*> sent_messages();
template <class Message>
inline const bool is_sent = note_sent(&message_info_of<Message>);

bool note_raised(const type_key& by, const message_info& (*event)());
/// Of what code of this program raises in aggregates of this base: known before main, so that the start can tell of events that nobody could send.
std::vector<const message_info*> raised_events(const type_key& by);
template <class Base, class Event>
inline const bool is_raised = note_raised(type_key_of<Base>, &message_info_of<Event>);

}  // namespace detail

/// A message as an object, on its way from its source (an aggregate, a handler) to handlers of this module or to the outbox.
struct recorded_message {
  const message_info* info = nullptr;
  std::shared_ptr<const void> object;
  std::string key;            ///< ordering key: the aggregate's id, or the key that the publisher gave
  std::string stream;         ///< the aggregate it was raised by, e.g. `orders/8b2f…`
  std::int64_t position = 0;  ///< its place in that stream, from 1
  bool is_command = false;    ///< an application must take it: without one, sending fails
};

template <class Message>
recorded_message record(Message message) {
  return {.info = &message_info_of<Message>(), .object = std::make_shared<const Message>(std::move(message)), .key = {}, .stream = {}};
}

}  // namespace mamey::inline v1
