#pragma once

/// @file
/// For services.
/// For authors: the commands that `publisher::send_later` has scheduled and that have not been handled yet.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/domain/unit_of_work.hpp>

namespace mamey::inline v1 {

/// A command that waits.
template <class Command>
struct delayed_command {
  std::string id;  ///< of the message; empty: scheduled by this handler just now
  Command command;
  timestamp due{};       ///< by the store's clock; of one scheduled just now: an estimate
  bool running = false;  ///< it is being handled now, or is about to be
};

/// What `delayed_messages::cancel` has done.
struct cancel_result {
  std::int64_t cancelled = 0;  ///< they will not be handled, if this handler succeeds
  std::int64_t running = 0;    ///< being handled now, so not cancelled
};

/// Finds and cancels scheduled commands by their key: `later.cancel<RemindReader>(loan_id)`. Asked for as a parameter of a handler, as
/// `publisher` is. Only commands of the ambient tenant are seen. Every function may suspend.
class delayed_messages {
 public:
  static constexpr std::int64_t most =
      1000;  ///< commands of one type and key that one call of `list`, `count` or `cancel` looks at; what is cancelled does not count

  explicit delayed_messages(unit_of_work& unit) : unit_(&unit) {}

  /// Those of this type and key, the earliest first. What this handler has cancelled is left out.
  template <class Command>
  std::vector<delayed_command<Command>> list(std::string_view key) {
    std::vector<delayed_command<Command>> found;
    for (auto& each : entries(message_info_of<Command>(), key)) {
      auto& added =
          found.emplace_back(delayed_command<Command>{.id = std::move(each.id), .command = {}, .due = each.due, .running = each.running});
      read(each, message_info_of<Command>(), &added.command);
    }
    for (const auto& each : recorded(message_info_of<Command>(), key))
      found.push_back({.id = {}, .command = *static_cast<const Command*>(each.object), .due = each.due});
    return found;
  }
  template <class Command>
  std::int64_t count(std::string_view key) {
    return static_cast<std::int64_t>(entries(message_info_of<Command>(), key).size() + recorded(message_info_of<Command>(), key).size());
  }
  /// Takes them back with the commit of this handler, which is refused (concurrency_conflict) when one of them has begun meanwhile. Throws
  /// `internal_error` (`only_reads`) in a handler that only reads.
  template <class Command>
  cancel_result cancel(std::string_view key) {
    return cancel(message_info_of<Command>(), key);
  }

 private:
  struct recorded_entry {
    const void* object = nullptr;
    timestamp due{};
  };
  std::vector<delayed_entry> entries(const message_info& command, std::string_view key);
  std::vector<recorded_entry> recorded(const message_info& command, std::string_view key);
  cancel_result cancel(const message_info& command, std::string_view key);
  static void read(const delayed_entry& from, const message_info& command, void* object);

  unit_of_work* unit_;
};

}  // namespace mamey::inline v1
