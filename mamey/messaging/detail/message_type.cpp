#include <mamey/messaging/detail/message_type.hpp>

#include <algorithm>
#include <string>

#include <mamey/messaging/message_headers.hpp>

namespace mamey::inline v1::detail {

namespace {

/// Without namespace and assembly, case and separators.
std::string plain(std::string_view name) {
  name = name.substr(0, name.find(','));
  if (const auto before = name.find_last_of(".:/+"); before != std::string_view::npos) name.remove_prefix(before + 1);
  std::string letters;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return letters;
}

}  // namespace

std::string other_type_said(const envelope& message, std::string_view expected) {
  // MassTransit and NServiceBus name the type's bases as well. CAP's name is what a routing key is.
  for (const auto* header : {"MT-MessageType", "NServiceBus.EnclosedMessageTypes", "rbs2-msg-type", "cap-msg-name"}) {
    const auto said = header_of(message, header);
    bool same = said.empty() || said == message.routing_key;
    for (auto rest = said; !rest.empty() && !same;) {
      const auto end = std::min(rest.find(';'), rest.size());
      same = is_same_type(rest.substr(0, end), expected);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (!same) return std::string(header) + ": " + std::string(said);
  }
  return {};
}

bool is_same_type(std::string_view said, std::string_view expected) { return said == expected || plain(said) == plain(expected); }

}  // namespace mamey::inline v1::detail
