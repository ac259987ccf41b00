#pragma once

/// @file
/// `application.add(mamey::sqlite())`: the application's store is a SQLite file of its own.

#include <vector>

#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1 {

class composition;

struct sqlite_feature {
  std::vector<sql_migration> migrations;  ///< of the module's own tables, beside those in the folder that section `sqlite` names
  void install(composition& into) const;
};

/// Store `DATA/NAME.db`, with NAME the application's and DATA from `--data`, unless section `sqlite` says otherwise; and durable queues in
/// `DATA/queues.db` for applications that run as processes of their own on one machine.
inline sqlite_feature sqlite() { return {}; }
inline sqlite_feature sqlite(std::vector<sql_migration> migrations) { return {.migrations = std::move(migrations)}; }

}  // namespace mamey::inline v1
