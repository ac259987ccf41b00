#include <mamey/persistence/sqlite/feature.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/core/time.hpp>
#include <mamey/feature/composition.hpp>
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

}  // namespace

void sqlite_feature::link_mamey_persistence_sqlite(composition& into) const {
  engine named{.name = "sqlite", .feature = "mamey::sqlite()", .migrations_setting = "sqlite:migrations"};
  for (const auto& each : migrations) named.migrations.push_back({.version = each.version, .name = each.name, .sql = each.sql});
  into.use_store(std::move(named), [own = migrations](const environment& around) -> std::unique_ptr<store> {
    return std::make_unique<sqlite_store>(
        options_of(around, around.application + ".db"),
        sqlite_environment{.migrations = own, .sent = sent_rows_of(*around.configuration), .metrics = around.metrics});
  });
  into.offer_queues("sqlite", [](const environment& around) -> std::unique_ptr<durable_queues> {
    auto options = options_of(around, {});
    options.path = "queues.db";  // one for all applications that share the directory
    return std::make_unique<sqlite_queues>(options);
  });
}

}  // namespace mamey::inline v1
