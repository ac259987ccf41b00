#pragma once

/// @file
/// For services.
/// `application.add(mamey::postgres())`: the application's store is a schema of a PostgreSQL database.

#include <vector>

#include <mamey/feature/engine.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1 {

class composition;

struct postgres_feature {
  std::vector<postgres_migration>
      migrations;  ///< migrations of the service's own tables, in addition to those in the folder that section `postgres` names
  engine_use use = engine_use::always;  ///< for a feature that adds several stores
  void install(composition& into) const { link_mamey_persistence_postgres(into); }

 private:
  void link_mamey_persistence_postgres(composition& into)
      const;  ///< the linker names it when the library is missing: `target_link_libraries(service PRIVATE mamey::persistence_postgres)`
};

/// The database that section `postgres` names. The tables are in a schema with the application's name, unless the section or the connection
/// string says otherwise, so that applications that share a database do not share an outbox. Also durable queues, in a separate schema, for
/// applications that share the database and have no broker.
inline postgres_feature postgres(std::vector<postgres_migration> migrations = {}) { return {.migrations = std::move(migrations)}; }

}  // namespace mamey::inline v1
