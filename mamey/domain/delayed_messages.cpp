#include <mamey/domain/delayed_messages.hpp>

#include <algorithm>
#include <set>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>

namespace mamey::inline v1 {

std::vector<delayed_entry> delayed_messages::entries(const message_info& command, std::string_view key) {
  auto* const reader = unit_->delayed();
  if (!reader)
    throw internal_error(
        "no_store", "the delayed {type} cannot be found: the application has no store; add one, e.g. .add(mamey::sqlite())", command.name);
  const auto& taken_back = unit_->cancelled_delayed();
  const std::set<std::string_view> gone(taken_back.begin(), taken_back.end());
  auto found = reader->list(command, key, most + static_cast<std::int64_t>(gone.size()));
  std::erase_if(found, [&](const delayed_entry& each) { return gone.contains(each.id); });
  if (found.size() > static_cast<std::size_t>(most)) found.resize(most);
  return found;
}

std::vector<delayed_messages::recorded_entry> delayed_messages::recorded(const message_info& command, std::string_view key) {
  std::vector<recorded_entry> found;
  for (const auto& each : unit_->scheduled()) {
    if (each.message.info == &command && each.message.key == key)
      found.push_back({.object = each.message.object.get(), .due = saturating_add(now_utc(), each.delay)});
  }
  return found;
}

cancel_result delayed_messages::cancel(const message_info& command, std::string_view key) {
  cancel_result result;
  std::vector<std::string> ids;
  for (auto& each : entries(command, key)) {
    if (each.running)
      ++result.running;
    else
      ids.push_back(std::move(each.id));
  }
  result.cancelled = static_cast<std::int64_t>(ids.size());
  unit_->cancel_delayed(command.name, std::move(ids));
  result.cancelled += static_cast<std::int64_t>(std::erase_if(
      unit_->scheduled(), [&](const scheduled_message& each) { return each.message.info == &command && each.message.key == key; }));
  return result;
}

void delayed_messages::read(const delayed_entry& from, const message_info& command, void* object) {
  if (auto wrong = json::read(from.body, *command.model, object); !wrong.empty()) throw validation_error(std::move(wrong));
}

}  // namespace mamey::inline v1
