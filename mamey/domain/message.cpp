#include <mamey/domain/message.hpp>

#include <map>

namespace mamey::inline v1::detail {
namespace {

using noted = std::vector<const message_info& (*)()>;  // filled before main

noted& all_dispatched() {
  static noted all;
  return all;
}
noted& all_sent() {
  static noted all;
  return all;
}

std::vector<const message_info*> infos_of(const noted& all) {
  std::vector<const message_info*> messages;
  for (const auto& each : all) messages.push_back(&each());
  return messages;
}

std::multimap<const type_key*, const message_info& (*)()>& all_raised() {
  static std::multimap<const type_key*, const message_info& (*)()> all;  // likewise
  return all;
}

}  // namespace

bool note_dispatched(const message_info& (*message)()) {
  all_dispatched().push_back(message);
  return true;
}

std::vector<const message_info*> dispatched_messages() { return infos_of(all_dispatched()); }

bool note_sent(const message_info& (*message)()) {
  all_sent().push_back(message);
  return true;
}

std::vector<const message_info*> sent_messages() { return infos_of(all_sent()); }

bool note_raised(const type_key& by, const message_info& (*event)()) {
  all_raised().emplace(&by, event);
  return true;
}

std::vector<const message_info*> raised_events(const type_key& by) {
  std::vector<const message_info*> events;
  const auto [begin, end] = all_raised().equal_range(&by);
  for (auto each = begin; each != end; ++each) events.push_back(&each->second());
  return events;
}

}  // namespace mamey::inline v1::detail
