#pragma once

/// @file
/// For the framework.
/// The handlers of one application, by message. Filled while it is composed, then frozen.

#include <memory>
#include <unordered_map>
#include <vector>

#include <mamey/cqrs/handler.hpp>

namespace mamey::inline v1 {

class handler_registry {
 public:
  /// Throws `error` (internal) when a command or query has a handler already, naming both, or when an event has one of this name.
  void add(handler_entry entry);
  /// A handler that is reached only through its endpoint.
  void add_in_place(std::shared_ptr<handler_entry> entry) { entries_.push_back(std::move(entry)); }
  void add(event_mapping mapping) { mappings_[mapping.from->key] = std::move(mapping); }
  void add(rejection made) { rejections_[made.of->key] = std::move(made); }
  void publish(const message_info& event) { published_.push_back(&event); }
  /// After all handlers. Throws `error` (internal) when nobody handles the command.
  void subscribe(const message_info& command);
  void order(const message_info& message) { ordered_.push_back(&message); }

  const handler_entry* command_or_query(const type_key& message) const noexcept;
  const std::vector<const handler_entry*>& domain_handlers(const type_key& event) const noexcept;
  const event_mapping* mapping(const type_key& event) const noexcept;
  const rejection* rejected(const type_key& message) const noexcept;
  bool is_published(const message_info& event) const noexcept;
  bool is_subscribed(const message_info& command) const noexcept;  ///< comes from the bus
  bool is_ordered(const message_info& message) const noexcept;     ///< one message per key at a time

  const std::vector<std::shared_ptr<handler_entry>>& all() const noexcept { return entries_; }

 private:
  std::vector<std::shared_ptr<handler_entry>> entries_;
  std::unordered_map<const type_key*, const handler_entry*> single_;
  std::unordered_map<const type_key*, std::vector<const handler_entry*>> domain_;
  std::unordered_map<const type_key*, event_mapping> mappings_;
  std::unordered_map<const type_key*, rejection> rejections_;
  std::vector<const message_info*> published_;
  std::vector<const message_info*> subscribed_;
  std::vector<const message_info*> ordered_;
};

}  // namespace mamey::inline v1
