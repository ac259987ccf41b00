#pragma once

/// @file
/// For providers and the framework.
/// Versioned steps of a schema, and the checks of every store before it applies one.

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
  std::string sql;        ///< statements; they run in one transaction, so none of BEGIN, COMMIT, ROLLBACK (nor CREATE INDEX CONCURRENTLY)
  std::string file = {};  ///< the file it was read from, for messages
};

/// `migration service 2 prices (migrations/0002_prices.sql)`
std::string name_of(const sql_migration& step, std::string_view component);
/// Its statements as they are run: without byte order mark, lines ending with LF, however the file was checked out. Throws `unavailable`
/// when one of them would begin, end or divide a transaction; the message names it and its line. `called`: the beginning of the sentence.
std::string script_of(const sql_migration& step, const std::string& called);
/// The checksum of its text in the form of `script_of`.
std::int64_t checksum_of(const sql_migration& step);

/// Versions a database has, and their checksums.
using applied_migrations = std::map<std::int64_t, std::int64_t>;

/// Whether the step must still be applied. Throws `unavailable`, beginning with `called`, when the step has changed since it was applied,
/// or is new below an applied one.
bool is_missing(const sql_migration& step, const applied_migrations& applied, const std::string& called);

/// Throws `unavailable`, for a migration that stops the start.
[[noreturn]] void refuse_migration(const std::string& sentence);

/// `own`, then the files of the folder (empty: none), by version; a file that looks like a migration and is skipped is logged as a warning.
/// Throws `unavailable` when the name of a file is not of the form `0001_what_it_does.sql`, when it cannot be read, or when it has the
/// number of another step.
std::vector<sql_migration> collect_migrations(std::vector<sql_migration> own, const std::string& folder);

}  // namespace mamey::inline v1
