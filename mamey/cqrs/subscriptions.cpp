#include <mamey/cqrs/subscriptions.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <mamey/core/json.hpp>
#include <mamey/cqrs/message_body.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
namespace {

/// The user of a message is one that its transport vouches for.
message_handler handler_of(const handler_entry& entry, pipeline& runs) {
  return {.name = std::string(entry.name),
          .aliases = entry.earlier_names,
          .handle =
              [&entry, &runs](const envelope& message, handling_context& context) {
                current_context().user = user_of(message);
                std::shared_ptr<void> object;
                const auto read = [&]() -> const void* {
                  object = read_body(*entry.message, message,
                                     entry.kind == handler_kind::command ? message_purpose::command : message_purpose::event);
                  return object.get();
                };
                return runs.run(entry, std::ref(read), {}, &context);
              },
          .on_failure = [&entry, &runs](const envelope& message, const error_report& reason) -> failure_answer {
            failure_answer answer;
            const auto unread = {"malformed_json", "unknown_type", "foreign_form",
                                 "unreadable_encoding"};  // nobody knows what it would have been
            if (is_transient(reason.kind) || std::ranges::find(unread, reason.code) != unread.end()) return answer;
            current_context().user = user_of(message);
            const auto object = entry.message->make();
            (void)json::read(message.body, *entry.message->model, object.get());  // as far as it fits: what does not is the reason
            answer.rejected = runs.rejection_of(entry, object.get(), reason);
            return answer;
          }};
}

/// Empty: it was never called otherwise.
std::string earlier_queue_of(const message_info& info, naming_conventions names, const std::string& now) {
  if (!names.earlier_casing) return {};
  names.casing = *names.earlier_casing;
  auto earlier = names_of(unqualified(info.key->name), info.options, names).queue;
  return earlier == now ? std::string() : earlier;
}

}  // namespace

std::vector<subscription> subscriptions_of(const handler_registry& handlers, pipeline& runs, const naming_conventions& names) {
  std::vector<subscription> all;
  std::map<const message_info*, std::size_t> by_event;
  for (const auto& entry : handlers.all()) {
    const auto& info = *entry->message;
    const bool is_command = entry->kind == handler_kind::command;
    const bool from_the_bus = entry->kind == handler_kind::integration_event ||
                              (is_command && handlers.is_subscribed(info) && handlers.command_or_query(*info.key) == entry.get());
    if (from_the_bus) {
      const auto [place, fresh] = by_event.try_emplace(&info, all.size());
      if (fresh) {
        const auto named = names_of(unqualified(info.key->name), info.options, names);
        all.push_back({.name = std::string(info.name),
                       .message_type = std::string(info.name),
                       .exchange = named.exchange,
                       .routing_key = named.routing_key,
                       .queue = named.queue,
                       .earlier_queue = earlier_queue_of(info, names, named.queue),
                       .reader_version = info.options.version,
                       .ordered = handlers.is_ordered(info),
                       .foreign_exchange = named.exchange != in_casing(names.exchange, names.casing),
                       .handlers = {}});
      }
      all[place->second].handlers.push_back(handler_of(*entry, runs));
    } else if (is_command && !entry->result) {
      all.push_back({.name = "later " + std::string(info.name),
                     .message_type = std::string(info.name),
                     .exchange = {},
                     .routing_key = {},
                     .queue = {},
                     .reader_version = info.options.version,
                     .handlers = {handler_of(*entry, runs)}});
    }
  }
  return all;
}

}  // namespace mamey::inline v1
