#include <mamey/persistence/postgres/feature.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>
#include <mamey/feature/composition.hpp>
#include <mamey/messaging/bus_naming.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/persistence/postgres/detail/connection_string.hpp>
#include <mamey/persistence/postgres/queues.hpp>
#include <mamey/persistence/postgres/store.hpp>

namespace mamey::inline v1 {
namespace {

/// Says where the connection string stands, when something is wrong with it.
postgres_detail::connection_target target_of(const environment& around, const std::string& connection_string) {
  try {
    return postgres_detail::parse_connection_string(connection_string);
  } catch (const unavailable& refused) {
    const std::string key = "postgres:connectionString";
    const auto origin = around.configuration->origin(key);
    if (origin.empty()) throw;
    const auto place = origin + ": " + (refused.reason().starts_with(key) ? std::string() : key + ": ");
    throw unavailable(refused.code(), "{place}{reason}", place, refused.reason());
  }
}

postgres_options options_of(const environment& around) {
  auto options = around.configuration->bind<postgres_options>("postgres");
  const auto target = target_of(around, options.connection_string);
  if (options.schema.empty() && !target.search_path) options.schema = around.application;
  return options;
}

postgres_options queue_options_of(const environment& around) {
  auto options = around.configuration->bind<postgres_options>("postgres");
  (void)target_of(around, options.connection_string);
  return options;
}

postgres_environment::takeover_surroundings takeover_of(const environment& around) {
  const auto& naming = *around.naming;
  return {.names = {.exchange = naming.names.exchange, .casing = naming.names.casing},
          .span_context_header = naming.span_context_header,
          .context_header = naming.with_context ? naming.context_header : std::string(),
          .inbox_retention = around.configuration->bind<messaging_options>("messaging").inbox_retention};
}

}  // namespace

void postgres_feature::link_mamey_persistence_postgres(composition& into) const {
  engine named{.name = "postgres",
               .feature = "mamey::postgres()",
               .needs = "postgres:connectionString",
               .needs_form = "Host=…;Database=…;Username=…;Password=…",
               .use = use,
               .migrations_setting = "postgres:migrations"};
  for (const auto& each : migrations) named.migrations.push_back({.version = each.version, .name = each.name, .sql = each.sql});
  into.use_store(named, [own = migrations](const environment& around) -> std::unique_ptr<store> {
    return std::make_unique<postgres_store>(options_of(around), postgres_environment{.migrations = own,
                                                                                     .sent = sent_rows_of(*around.configuration),
                                                                                     .application = around.application,
                                                                                     .metrics = around.metrics,
                                                                                     .take_over = takeover_of(around)});
  });
  into.offer_queues(named.name, [](const environment& around) -> std::unique_ptr<durable_queues> {
    return std::make_unique<postgres_queues>(queue_options_of(around),
                                             postgres_environment{.application = around.application, .metrics = around.metrics});
  });
}

}  // namespace mamey::inline v1
