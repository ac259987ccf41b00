#include <mamey/cqrs/registry.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {
namespace {
template <class Map>
auto* find_in(Map& map, const type_key& key) {
  const auto found = map.find(&key);
  return found == map.end() ? nullptr : &found->second;
}
}  // namespace

void handler_registry::add(handler_entry entry) {
  auto owned = std::make_shared<handler_entry>(std::move(entry));
  const auto* key = owned->message->key;
  if (owned->kind == handler_kind::command || owned->kind == handler_kind::query) {
    const auto [place, fresh] = single_.try_emplace(key, owned.get());
    if (!fresh) {
      throw internal_error("duplicate_handler", "{} has two handlers, {} and {}: a command or query has exactly one", owned->message->name,
                           place->second->name, owned->name);
    }
  } else {
    const auto same = std::ranges::find_if(
        entries_, [&](const auto& each) { return each->kind == owned->kind && each->message->key == key && each->name == owned->name; });
    if (same != entries_.end()) {
      throw internal_error("duplicate_handler",
                           "{} is handled by {} twice: list a handler once, and give two handlers of one event different names",
                           owned->message->name, owned->name);
    }
    if (owned->kind == handler_kind::domain_event) domain_[key].push_back(owned.get());
  }
  entries_.push_back(std::move(owned));
}

void handler_registry::subscribe(const message_info& command) {
  const auto* handler = command_or_query(*command.key);
  if (!handler || handler->kind != handler_kind::command) {
    throw internal_error("no_handler", "{} is subscribed to, but has no handler in this application: list it with .commands<…>()",
                         command.name);
  }
  subscribed_.push_back(&command);
}

const handler_entry* handler_registry::command_or_query(const type_key& message) const noexcept {
  const auto* found = find_in(single_, message);
  return found ? *found : nullptr;
}

const std::vector<const handler_entry*>& handler_registry::domain_handlers(const type_key& event) const noexcept {
  static const std::vector<const handler_entry*> none;
  const auto* found = find_in(domain_, event);
  return found ? *found : none;
}

const event_mapping* handler_registry::mapping(const type_key& event) const noexcept { return find_in(mappings_, event); }
const rejection* handler_registry::rejected(const type_key& message) const noexcept { return find_in(rejections_, message); }

bool handler_registry::is_published(const message_info& event) const noexcept {
  return event.is_contract || std::ranges::find(published_, &event) != published_.end();
}

bool handler_registry::is_ordered(const message_info& message) const noexcept {
  return std::ranges::find(ordered_, &message) != ordered_.end();
}
bool handler_registry::is_subscribed(const message_info& command) const noexcept {
  return std::ranges::find(subscribed_, &command) != subscribed_.end();
}

}  // namespace mamey::inline v1
