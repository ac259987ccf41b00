#include <mamey/host/detail/message_flow.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/cqrs/subscriptions.hpp>
#include <mamey/messaging/direct_publisher.hpp>
#include <mamey/messaging/in_process_transport.hpp>
#include <mamey/messaging/metrics.hpp>
#include <mamey/messaging/shared_queue.hpp>
#include <mamey/messaging/sql_transport.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.messaging"};

/// Each handler with its reactions to failures.
std::vector<subscription> with_rules(std::vector<subscription> all, const failure_levels& failures, codes_without_rule& codes) {
  for (auto& each : all) {
    for (auto& handler : each.handlers) {
      handler.plan = std::make_shared<const failure_plan>(plan_of(failures, handler.name, each.message_type));
      handler.on_failure = [&codes, answer = std::move(handler.on_failure)](const envelope& message, const error_report& reason) {
        codes.met(reason.code);
        return answer(message, reason);
      };
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
  std::unique_ptr<codes_without_rule> codes;
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
  const auto statistics = [this] { return endpoint->statistics(); };
  collected = show_messaging(*around.metrics, statistics);
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
  state_->codes = std::make_unique<codes_without_rule>(given.failures);
  tell_of_failure_levels(given.failures, around.application, *around.configuration);
  message_endpoint_parts parts{.service = around.application,
                               .module_store = given.module_store,
                               .through = state_->through.get(),
                               .subscriptions = checked_queues(
                                   with_rules(subscriptions_of(*given.handlers, *given.runs, given.names), given.failures, *state_->codes),
                                   *around.configuration, given.names),
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
