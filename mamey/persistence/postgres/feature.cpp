#include <mamey/persistence/postgres/feature.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/composition.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/persistence/postgres/detail/connection_string.hpp>
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

}  // namespace

void postgres_feature::install(composition& into) const {
  into.use_store("mamey::postgres()", [own = migrations](const environment& around) -> std::unique_ptr<store> {
    return std::make_unique<postgres_store>(
        options_of(around),
        postgres_environment{.migrations = own, .sent = sent_rows_of(around), .application = around.application, .metrics = around.metrics});
  });
}

}  // namespace mamey::inline v1
