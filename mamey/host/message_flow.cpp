#include <mamey/host/detail/message_flow.hpp>

#include <algorithm>
#include <functional>
#include <map>

#include <mamey/core/configuration.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/host/detail/message_body.hpp>
#include <mamey/messaging/direct_publisher.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/messaging/shared_queue.hpp>
#include <mamey/messaging/sql_transport.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.messaging"};

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

/// One subscription an event type, with all its handlers, and one a command that comes from the bus; one local a command that may be sent
/// later.
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

}  // namespace

struct message_flow::state {
  store* module_store = nullptr;
  pipeline* runs = nullptr;
  std::unique_ptr<durable_queues> queues;
  std::shared_ptr<transport> through;
  std::unique_ptr<message_endpoint> endpoint;
  std::unique_ptr<direct_publisher> without_outbox;  ///< of a module without a store
  std::vector<metrics::registration> collected;

  void open_transport(message_flow_parts& parts);
  void show(const environment& around);
};

void message_flow::state::open_transport(message_flow_parts& parts) {
  if (parts.engines.transport) {
    through = parts.engines.transport->open(parts.around);
  } else if (parts.engines.queues) {
    queues = parts.engines.queues->open(parts.around);
    through = std::make_shared<sql_transport>(*queues, *parts.around.system_loop);
  } else {
    through = parts.shared ? std::move(parts.shared) : std::make_shared<in_process_transport>(*parts.around.system_loop);
  }
}

void message_flow::state::show(const environment& around) {
  auto& registry = *around.metrics;
  const auto gauge = [&](std::string_view name, std::string_view help, auto read) {
    collected.push_back(registry.collect(metrics::sample_kind::gauge, name, help,
                                         [this, read] { return static_cast<double>(read(endpoint->statistics())); }));
  };
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t relay_counts::* number) {
    collected.push_back(registry.collect(metrics::sample_kind::counter, name, help,
                                         [this, number] { return static_cast<double>(endpoint->statistics().outbox.counts.*number); }));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto read) {
    collected.push_back(
        registry.collect(metrics::sample_kind::counter, name, help, {"subscription"}, [this, read](const metrics::sample_sink& sample) {
          for (const auto& each : endpoint->statistics().subscriptions) sample({each.name}, static_cast<double>(read(each)));
        }));
  };
  gauge("mamey_outbox_pending", "Messages committed and not yet confirmed.",
        [](const messaging_statistics& s) { return s.backlog.pending; });
  gauge("mamey_outbox_parked", "Messages that the transport refused too often.",
        [](const messaging_statistics& s) { return s.backlog.parked; });
  gauge("mamey_outbox_unroutable", "Events nobody was bound to.", [](const messaging_statistics& s) { return s.backlog.unroutable; });
  gauge("mamey_outbox_oldest_seconds", "Age of the oldest pending message.",
        [](const messaging_statistics& s) { return static_cast<double>(s.backlog.oldest_age.count()) / 1000; });
  total("mamey_outbox_sent_total", "Messages the transport has confirmed.", &relay_counts::confirmed);
  total("mamey_outbox_attempts_total", "Messages handed to the transport, repeats included.", &relay_counts::sent);
  total("mamey_outbox_refused_total", "Attempts the transport refused for the message's sake.", &relay_counts::refused);
  gauge("mamey_errors", "Messages in the error store.", [](const messaging_statistics& s) { return s.errors; });
  counter("mamey_messages_attempts_total", "Handler runs begun.", [](const subscription_statistics& s) { return s.attempts; });
  counter("mamey_messages_handled_total", "Handler runs that committed.", [](const subscription_statistics& s) { return s.handled; });
  counter("mamey_messages_duplicate_total",
          "Messages that came again and were not handled again: their handler did not run, or (raced, or messaging:lookBeforeHandling is "
          "false) its effects in the database were not applied.",
          [](const subscription_statistics& s) { return s.duplicates; });
  counter("mamey_messages_retried_total", "Retries, immediate and delayed.",
          [](const subscription_statistics& s) { return s.immediate_retries + s.delayed; });
  counter("mamey_messages_failed_total", "Messages that went to the error store.",
          [](const subscription_statistics& s) { return s.failed; });
  counter("mamey_messages_parked_total", "Of the failed, those not run again: started too often without an outcome.",
          [](const subscription_statistics& s) { return s.parked_unrun; });
  counter("mamey_messages_lost_total", "Messages that failed permanently where there is no store to keep them.",
          [](const subscription_statistics& s) { return s.lost; });
  counter("mamey_messages_busy_total", "Deliveries put back because the message was being handled elsewhere.",
          [](const subscription_statistics& s) { return s.busy; });
  counter("mamey_messages_without_id_total", "Messages without an id: they cannot be deduplicated.",
          [](const subscription_statistics& s) { return s.without_id; });
  around.health->add({.name = "messaging", .kinds = health::kind::readiness, .importance = health::importance::degrading, .check = [this] {
                        auto trouble = endpoint->statistics().trouble;
                        return health::result{trouble.empty() ? health::status::healthy : health::status::degraded, std::move(trouble)};
                      }});
}

const std::string template_key = "rabbitMq:queue:template";

/// Several types may share a queue where each message says which it is. The order of keys is a queue's: it holds for all of them.
std::vector<subscription> checked_queues(std::vector<subscription> all, const configuration& values, const naming_conventions& names) {
  for (auto one = all.begin(); one != all.end(); ++one) {
    for (auto other = all.begin(); other != all.end() && !one->queue.empty(); ++other) {
      if (other == one || other->queue != one->queue) continue;
      one->ordered = one->ordered || other->ordered;
      if (!are_confusable(*one, *other)) continue;
      const auto shown =
          names.queue_template.empty() ? std::string("the types themselves") : template_key + " \"" + names.queue_template + "\"";
      throw configuration_error(
          {{.origin = values.origin(template_key),
            .key = template_key,
            .message = one->message_type + " and " + other->message_type + " have the queue " + one->queue + " in common (by " + shown +
                       "), and exchange " + one->exchange + " with routing key " + one->routing_key +
                       " as well: nothing would tell which of them a message is, expected {{message}} in the template, or routing keys "
                       "that differ"}});
    }
  }
  return all;
}

/// .NET replaces three words, exactly as written, and leaves the rest in the queue's name.
void tell_of_placeholders(const environment& around, const naming_conventions& names) {
  auto rest = names.queue_template;
  for (const std::string_view known : {"{{assembly}}", "{{exchange}}", "{{message}}"}) {
    for (auto at = rest.find(known); at != rest.npos; at = rest.find(known)) rest.erase(at, known.size());
  }
  if (rest.find_first_of("{}") == rest.npos) return;
  log.warning(
      "{key} of {application} is \"{template}\" ({origin}): the braces are not those of {known}, spelled like that, and stay in the names "
      "of queues as they are, as in .NET",
      template_key, around.application, names.queue_template, around.configuration->origin(template_key),
      "{{assembly}}, {{exchange}} or {{message}}");
}

/// Keys of section `outbox` in a file of a .NET service that have no effect here: logged once, because the file may intend another effect.
void tell_of_their_outbox(const environment& around, const outbox_options& outbox) {
  const auto& values = *around.configuration;
  if (!outbox.enabled)
    log.info(
        "outbox:enabled is false ({origin}): {application} publishes all the same, through its outbox, which is always on "
        "(messaging:publishing: false turns sending off)",
        values.origin("outbox:enabled"), around.application);
  std::string ignored;
  for (const auto* key : {"type", "inboxCollection", "outboxCollection", "disableTransactions"}) {
    if (values.contains(std::string("outbox:") + key)) ignored.append(ignored.empty() ? "" : ", ").append(key);
  }
  if (!ignored.empty())
    log.info("section outbox of {application}: {keys} concern the engine of .NET and have no effect here", around.application, ignored);
}

void tell_that_nothing_is_sent(const environment& around, bool has_store) {
  const std::string key = "messaging:publishing", origin = around.configuration->origin(key);
  if (!has_store)
    throw configuration_error({{.origin = origin,
                                .key = key,
                                .message = "false needs a store that keeps what is not sent, and " + around.application + " has none"}});
  log.warning("messaging:publishing is false ({origin}): what {application} publishes is kept and not sent", origin, around.application);
}

message_flow::message_flow(message_flow_parts given) : state_(new state{.module_store = given.module_store, .runs = given.runs}) {
  const auto& around = given.around;
  state_->open_transport(given);
  message_endpoint_parts parts{
      .service = around.application,
      .module_store = given.module_store,
      .through = state_->through.get(),
      .subscriptions = checked_queues(subscriptions_of(*given.handlers, *given.runs, given.names), *around.configuration, given.names),
      .own_exchange = {.name = given.names.exchange},
      .lifts = given.lifts,
      .outbox = around.configuration->bind<outbox_options>("outbox"),
      .messaging = around.configuration->bind<messaging_options>("messaging"),
      .system_loop = around.system_loop,
      .workers = around.workers,
      .alone = given.alone};
  if (!given.module_store) {
    log.warning(
        "{application} has no store: messages are published at once instead of with an outbox, and without an inbox one may be handled "
        "twice and a failed one is lost",
        around.application);
    state_->without_outbox = std::make_unique<direct_publisher>(*state_->through, *around.system_loop, parts.outbox.confirm_timeout);
    given.runs->publish_through(
        [out = state_->without_outbox.get()](std::vector<envelope> messages) { out->publish(std::move(messages)); });
  }
  tell_of_placeholders(around, given.names);
  tell_of_their_outbox(around, parts.outbox);
  if (!parts.messaging.publishing) tell_that_nothing_is_sent(around, given.module_store != nullptr);
  state_->endpoint = std::make_unique<message_endpoint>(std::move(parts));
  state_->show(around);
}

message_flow::~message_flow() {
  if (state_->without_outbox) state_->runs->publish_through({});  // a straggler is refused
}

message_endpoint& message_flow::endpoint() noexcept { return *state_->endpoint; }
store* message_flow::module_store() noexcept { return state_->module_store; }

}  // namespace mamey::inline v1
