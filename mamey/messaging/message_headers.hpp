#pragma once

/// @file
/// For providers and the framework.
/// Headers of ours that travel in `envelope::headers`.

#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// A command must reach a queue; an event needs no listener. This header of an outbox row marks the difference.
inline constexpr std::string_view kind_header = "mamey-kind";
inline constexpr std::string_view command_kind = "command";

/// The correlation context of .NET services, unchanged; configuration gives the name of the header at the broker.
inline constexpr std::string_view context_header = "message_context";
/// The encoding of a packed body: `gzip`.
inline constexpr std::string_view encoding_header = "content-encoding";

inline std::string_view header_of(const envelope& message, std::string_view name) {
  const auto found = message.headers.find(std::string(name));
  return found == message.headers.end() ? std::string_view() : std::string_view(found->second);
}

inline bool is_command(const envelope& message) {
  const auto found = message.headers.find(std::string(kind_header));
  return found != message.headers.end() && found->second == command_kind;
}

inline void mark_as_command(envelope& message) { message.headers[std::string(kind_header)] = std::string(command_kind); }

}  // namespace mamey::inline v1
