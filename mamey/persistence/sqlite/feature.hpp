#pragma once

/// @file
/// For services.
/// `application.add(mamey::sqlite())`: the application's store is a SQLite file of its own.

#include <vector>

#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1 {

class composition;

struct sqlite_feature {
  std::vector<sql_migration>
      migrations;  ///< migrations of the service's own tables, in addition to those in the folder that section `sqlite` names
  void install(composition& into) const { link_mamey_persistence_sqlite(into); }

 private:
  void link_mamey_persistence_sqlite(composition& into)
      const;  ///< the linker names it when the library is missing: `target_link_libraries(service PRIVATE mamey::persistence_sqlite)`
};

/// The store `DATA/NAME.db`, with the application's name and DATA from `--data`, unless section `sqlite` says otherwise. Also durable
/// queues in `DATA/queues.db`, for applications that run as separate processes on one machine.
inline sqlite_feature sqlite(std::vector<sql_migration> migrations = {}) { return {.migrations = std::move(migrations)}; }

}  // namespace mamey::inline v1
