#include <mamey/messaging/rabbitmq/feature.hpp>

#include <vector>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/composition.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/observability/health.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging.rabbitmq"};

/// The transport with what shows it.
struct shown_transport {
  shown_transport(const environment& around, rabbitmq_options options) : through(*around.system_loop, std::move(options), around.application) {}
  rabbitmq_transport through;
  std::vector<metrics::registration> collected;
};

rabbitmq_options read_options(const environment& around) {
  const auto& values = *around.configuration;
  auto options = values.bind<rabbitmq_options>("rabbitMq");
  if (options.exchange.name.empty()) options.exchange.name = around.application;  // as the host names it
  const auto handler = values.bind<messaging_options>("messaging").handler_timeout;
  if (handler >= options.queue.consumer_timeout) {
    throw configuration_error({{.origin = values.origin("messaging:handlerTimeout"),
                                .key = "messaging:handlerTimeout",
                                .message = "must be below rabbitMq:queue:consumerTimeout (the broker's consumer_timeout): the broker closes the channel of a handler that takes longer"}});
  }
  for (const auto& each : warnings_of(options)) log.warning("rabbitMq.{warning}", each);
  return options;
}

std::string trouble_of(const rabbitmq_statistics& now) {
  if (!now.trouble.empty() || now.too_large_kept == 0) return now.trouble;
  return std::to_string(now.too_large_kept) + (now.too_large_kept == 1 ? " message is" : " messages are") +
         " larger than rabbitMq.maxMessageBytes and left in the queue: a consumer with a higher limit gets it";
}

void show(const environment& around, shown_transport& shown) {
  const auto sample = [&](metrics::sample_kind kind, std::string_view name, std::string_view help, auto read) {
    shown.collected.push_back(around.metrics->collect(kind, name, help, [&shown, read] { return static_cast<double>(read(shown.through.statistics())); }));
  };
  using enum metrics::sample_kind;
  using seen = rabbitmq_statistics;
  sample(gauge, "mamey_rabbitmq_connections", "Open connections to RabbitMQ, of two.", [](const seen& s) { return int{s.publishing} + int{s.consuming}; });
  sample(gauge, "mamey_rabbitmq_blocked", "1 while the broker takes no messages.", [](const seen& s) { return int{s.blocked}; });
  sample(counter, "mamey_rabbitmq_connects_total", "Connections opened.", [](const seen& s) { return s.connects; });
  sample(counter, "mamey_rabbitmq_published_total", "Messages sent to the broker.", [](const seen& s) { return s.published; });
  sample(counter, "mamey_rabbitmq_confirmed_total", "Messages the broker confirmed.", [](const seen& s) { return s.confirmed; });
  sample(counter, "mamey_rabbitmq_returned_total", "Messages no queue was bound to.", [](const seen& s) { return s.returned; });
  sample(counter, "mamey_rabbitmq_refused_total", "Messages refused for what they are.", [](const seen& s) { return s.refused; });
  sample(counter, "mamey_rabbitmq_faults_total", "Messages not confirmed for a fault of the broker or the connection.", [](const seen& s) { return s.faults; });
  sample(counter, "mamey_rabbitmq_delivered_total", "Messages received.", [](const seen& s) { return s.delivered; });
  sample(counter, "mamey_rabbitmq_given_back_total", "Messages put back into their queue.", [](const seen& s) { return s.given_back; });
  sample(counter, "mamey_rabbitmq_delayed_total", "Messages put into a delay queue.", [](const seen& s) { return s.delayed; });
  sample(counter, "mamey_rabbitmq_too_large_total", "Messages received that were above maxMessageBytes.", [](const seen& s) { return s.too_large; });
  sample(counter, "mamey_rabbitmq_stale_settlements_total", "Settlements dropped because their channel was gone.", [](const seen& s) { return s.stale_settlements; });
}

}  // namespace

void rabbitmq_feature::install(composition& into) const {
  const engine named{.name = "rabbitMq",
                     .feature = "mamey::rabbitmq()",
                     .needs = "rabbitMq:hostNames",
                     .needs_form = "a list of hosts, [\"localhost\"] for one",
                     .use = use};
  into.use_transport(named, [](const environment& around) -> std::shared_ptr<transport> {
    auto shown = std::make_shared<shown_transport>(around, read_options(around));
    if (around.metrics) show(around, *shown);
    if (around.health) {
      around.health->add({.name = "rabbitMq", .kinds = health::kind::readiness, .importance = health::importance::degrading, .check = [weak = std::weak_ptr(shown)] {
        const auto alive = weak.lock();
        auto trouble = alive ? trouble_of(alive->through.statistics()) : std::string("closed");
        return health::result{trouble.empty() ? health::status::healthy : health::status::degraded, std::move(trouble)};
      }});
    }
    return {shown, &shown->through};
  });
}

}  // namespace mamey::inline v1
