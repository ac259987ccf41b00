#pragma once

/// @file
/// Versioned steps of a schema, and what every store checks before it applies one.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamey::inline v1 {

/// One step of a schema's history. Never change one that was applied: its checksum is remembered.
struct sql_migration {
  std::int64_t version = 0;  ///< ascending, unique
  std::string name;
  std::string sql;  ///< statements; they run in one transaction, so none of BEGIN, COMMIT, ROLLBACK (nor CREATE INDEX CONCURRENTLY)
  std::string file = {};  ///< where it was read, for messages
};

/// `migration service 2 prices (migrations/0002_prices.sql)`
std::string name_of(const sql_migration& step, std::string_view component);
/// What is remembered of its text.
std::int64_t checksum_of(const sql_migration& step);

/// Versions a database has, and their checksums.
using applied_migrations = std::map<std::int64_t, std::int64_t>;

/// Whether the step has still to be applied. Throws `unavailable`, beginning with `called`, when it has changed since it was, or is new below
/// one that was applied.
bool is_missing(const sql_migration& step, const applied_migrations& applied, const std::string& called);

/// Throws `unavailable`, for a migration that stops the start.
[[noreturn]] void refuse_migration(const std::string& sentence);

/// `own`, then the files of the folder (empty: none), by version. Throws `unavailable` when a file is named otherwise than
/// `0001_what_it_does.sql`, cannot be read, or has the number of another step.
std::vector<sql_migration> collect_migrations(std::vector<sql_migration> own, const std::string& folder);

}  // namespace mamey::inline v1
