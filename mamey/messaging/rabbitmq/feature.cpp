#include <mamey/messaging/rabbitmq/feature.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/messaging/bus_naming.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/rabbitmq/metrics.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

/// The transport with what shows it.
struct shown_transport {
  shown_transport(const environment& around, rabbitmq_options options)
      : through(*around.system_loop, std::move(options), around.application) {}
  rabbitmq_transport through;
  std::vector<metrics::registration> collected;
};

/// `appsettings.json:12: `, of a key of the section; of a section what comes first in it.
std::string place_of(const configuration& values, std::string key) {
  std::ranges::replace(key, '.', ':');
  auto origin = values.origin("rabbitMq:" + key);
  for (auto cut = key.rfind(':'); origin.empty() && cut != std::string::npos; cut = key.rfind(':', cut - 1)) {
    key.resize(cut);
    origin = values.origin("rabbitMq:" + key);
  }
  return origin.empty() ? origin : origin + ": ";
}

rabbitmq_options read_options(const environment& around) {
  const auto& values = *around.configuration;
  auto options = read_rabbitmq_options(values);
  options.exchange.name = around.naming->names.exchange;
  const auto handler = values.bind<messaging_options>("messaging").handler_timeout;
  if (handler >= options.queue.consumer_timeout) {
    throw configuration_error({{.origin = values.origin("messaging:handlerTimeout"),
                                .key = "messaging:handlerTimeout",
                                .message = "must be below rabbitMq:queue:consumerTimeout (the broker's consumer_timeout): the broker "
                                           "closes the channel of a handler that takes longer"}});
  }
  for (const auto& each : warnings_of(options))
    log.warning("{place}rabbitMq.{setting} {warning}", place_of(values, each.key), each.key, each.sentence);
  return options;
}

/// Keys that say where a broker is and how to talk to it. The others hold for every transport, or do no harm.
constexpr const char* of_a_broker[] = {"hostNames",
                                       "port",
                                       "virtualHost",
                                       "username",
                                       "password",
                                       "connectionName",
                                       "requestedHeartbeat",
                                       "requestedConnectionTimeout",
                                       "socketReadTimeout",
                                       "socketWriteTimeout",
                                       "continuationTimeout",
                                       "handshakeContinuationTimeout",
                                       "networkRecoveryInterval",
                                       "requestedChannelMax",
                                       "requestedFrameMax",
                                       "ssl"};

/// The section where messages go through something else: its keys are checked all the same, and one that describes a broker, but not its hosts, means RabbitMQ.
void check_unused(const configuration& values, bool named) {
  if (!values.is_given("rabbitMq")) return;
  if (values.find("rabbitMq:hostNames")) return;  // emptied by a later layer
  if (named) return (void)values.bind<rabbitmq_options>("rabbitMq");
  (void)read_rabbitmq_options(values);
  if (!values.keys("rabbitMq:hostNames").empty()) return;
  for (const auto* each : of_a_broker) {
    const std::string key = std::string("rabbitMq:") + each;
    if (!values.contains(key) || values.origin(key) == default_origin) continue;
    throw configuration_error({{.origin = values.origin(key),
                                .key = key,
                                .message = "RabbitMQ hostnames are not specified: expected a list of hosts in rabbitMq:hostNames, "
                                           "[\"localhost\"] for one, or messaging:transport to say what carries messages"}});
  }
}

std::string trouble_of(const rabbitmq_statistics& now) {
  if (!now.trouble.empty() || now.too_large_kept == 0) return now.trouble;
  return std::to_string(now.too_large_kept) + (now.too_large_kept == 1 ? " message is" : " messages are") +
         " larger than rabbitMq.maxMessageBytes and left in the queue: a consumer with a higher limit gets it";
}

}  // namespace

void rabbitmq_feature::link_mamey_messaging_rabbitmq(composition& into) const {
  const engine named{.name = "rabbitMq",
                     .feature = "mamey::rabbitmq()",
                     .needs = "rabbitMq:hostNames",
                     .needs_form = "a list of hosts, [\"localhost\"] for one",
                     .use = use,
                     .check_unused = check_unused};
  into.use_transport(named, [](const environment& around) -> std::shared_ptr<transport> {
    auto shown = std::make_shared<shown_transport>(around, read_options(around));
    if (around.metrics) shown->collected = show_rabbitmq(*around.metrics, shown->through);
    if (around.health) {
      around.health->add({.name = "rabbitMq",
                          .kinds = health::kind::readiness,
                          .importance = health::importance::degrading,
                          .check = [weak = std::weak_ptr(shown)] {
                            const auto alive = weak.lock();
                            auto trouble = alive ? trouble_of(alive->through.statistics()) : std::string("closed");
                            return health::result{trouble.empty() ? health::status::healthy : health::status::degraded, std::move(trouble)};
                          }});
    }
    return {shown, &shown->through};
  });
}

}  // namespace mamey::inline v1
