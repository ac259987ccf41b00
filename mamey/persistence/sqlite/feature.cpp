#include <mamey/persistence/sqlite/feature.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/composition.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/persistence/sqlite/queues.hpp>
#include <mamey/persistence/sqlite/store.hpp>

namespace mamey::inline v1 {
namespace {

sqlite_options options_of(const environment& around, const std::string& file) {
  auto options = around.configuration->bind<sqlite_options>("sqlite");
  if (!around.configuration->find("sqlite:directory")) options.directory = around.data_directory.string();
  if (options.path.empty()) options.path = file;
  return options;
}

sqlite_environment::sent_rows sent_rows_of(const environment& around) {
  const auto outbox = around.configuration->bind<outbox_options>("outbox");
  const bool kept = outbox.expiry > 0 || outbox.retention.count() > 0;
  return kept ? sqlite_environment::sent_rows::archive : sqlite_environment::sent_rows::remove;
}

}  // namespace

void sqlite_feature::install(composition& into) const {
  into.use_store({.name = "sqlite", .feature = "mamey::sqlite()"}, [own = migrations](const environment& around) -> std::unique_ptr<store> {
    return std::make_unique<sqlite_store>(options_of(around, around.application + ".db"),
                                          sqlite_environment{.migrations = own, .sent = sent_rows_of(around), .metrics = around.metrics});
  });
  into.offer_queues("sqlite", [](const environment& around) -> std::unique_ptr<durable_queues> {
    auto options = options_of(around, {});
    options.path = "queues.db";  // one for all applications that share the directory
    return std::make_unique<sqlite_queues>(options);
  });
}

}  // namespace mamey::inline v1
