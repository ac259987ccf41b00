#pragma once

/// @file
/// Headers of ours that travel in `envelope::headers`.

#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// A command must reach a queue; an event may find nobody listening. Rows of the outbox carry the difference in this header.
inline constexpr std::string_view kind_header = "mamey-kind";
inline constexpr std::string_view command_kind = "command";

inline bool is_command(const envelope& message) {
  const auto found = message.headers.find(std::string(kind_header));
  return found != message.headers.end() && found->second == command_kind;
}

inline void mark_as_command(envelope& message) { message.headers[std::string(kind_header)] = std::string(command_kind); }

}  // namespace mamey::inline v1
