#pragma once

/// @file
/// `application.add(mamey::postgres())`: the application's store is a schema of a PostgreSQL database.

#include <vector>

#include <mamey/messaging/engine.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1 {

class composition;

struct postgres_feature {
  std::vector<postgres_migration> migrations;  ///< of the module's own tables, beside those in the folder that section `postgres` names
  engine_use use = engine_use::always;         ///< for those who bring several stores
  void install(composition& into) const;
};

/// The database that section `postgres` names; the tables stand in a schema called as the application, unless the section or the connection
/// string says otherwise, so that modules that share a database do not share an outbox. Beside it, durable queues for applications that share the database and have no
/// broker, in a schema of their own.
inline postgres_feature postgres() { return {}; }
inline postgres_feature postgres(std::vector<postgres_migration> migrations) { return {.migrations = std::move(migrations)}; }

}  // namespace mamey::inline v1
