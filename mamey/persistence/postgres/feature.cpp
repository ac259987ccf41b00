#include <mamey/persistence/postgres/feature.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/composition.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/persistence/postgres/queues.hpp>
#include <mamey/persistence/postgres/store.hpp>

namespace mamey::inline v1 {
namespace {

postgres_options options_of(const environment& around) {
  auto options = around.configuration->bind<postgres_options>("postgres");
  if (options.schema.empty() && !postgres_detail::parse_connection_string(options.connection_string).search_path)
    options.schema = around.application;
  return options;
}

postgres_environment::sent_rows sent_rows_of(const environment& around) {
  const auto outbox = around.configuration->bind<outbox_options>("outbox");
  const bool kept = outbox.expiry > 0 || outbox.retention.count() > 0;
  return kept ? postgres_environment::sent_rows::archive : postgres_environment::sent_rows::remove;
}

/// What section `rabbitMq` says of messages on their way, whatever carries them.
struct wire_options {
  std::string conventions_casing;
  std::string span_context_header = "span_context";
  struct exchange_section {
    std::string name;
  } exchange;
  struct context_section {
    bool enabled = false;
    std::string header = "message_context";
  } context;
};

postgres_environment::takeover_surroundings takeover_of(const environment& around) {
  wire_options wire;
  configuration_report report;
  around.configuration->bind("rabbitMq", wire, report);
  report.throw_if_any();  // its other keys are not ours to name
  return {.names = {.exchange = wire.exchange.name.empty() ? around.application : wire.exchange.name,
                    .casing = parse_name_casing(wire.conventions_casing.empty() ? "snakeCase" : wire.conventions_casing)},
          .span_context_header = wire.span_context_header,
          .context_header = wire.context.enabled ? wire.context.header : std::string(),
          .inbox_retention = around.configuration->bind<messaging_options>("messaging").inbox_retention};
}

}  // namespace

void postgres_feature::install(composition& into) const {
  const engine named{.name = "postgres",
                     .feature = "mamey::postgres()",
                     .needs = "postgres:connectionString",
                     .needs_form = "Host=…;Database=…;Username=…;Password=…",
                     .use = use};
  into.use_store(named, [own = migrations](const environment& around) -> std::unique_ptr<store> {
    return std::make_unique<postgres_store>(
        options_of(around),
        postgres_environment{.migrations = own, .sent = sent_rows_of(around), .application = around.application, .metrics = around.metrics,
                             .take_over = takeover_of(around)});
  });
  into.offer_queues(named.name, [](const environment& around) -> std::unique_ptr<durable_queues> {
    return std::make_unique<postgres_queues>(around.configuration->bind<postgres_options>("postgres"),
                                             postgres_environment{.application = around.application, .metrics = around.metrics});
  });
}

}  // namespace mamey::inline v1
