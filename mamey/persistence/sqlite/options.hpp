#pragma once

/// @file
/// For services.
/// Options, surroundings and statistics of a SQLite file.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <mamey/persistence/migration.hpp>
#include <mamey/persistence/sent_rows.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

namespace metrics {
class registry;
}

/// Section `sqlite`. One file per store.
struct sqlite_options {
  std::string directory = "data";                  ///< folder of the file, made when missing
  std::string path;                                ///< the file, within `directory` unless absolute; `:memory:` keeps nothing
  int read_connections = 4;                        ///< number of connections for snapshot reads
  std::chrono::milliseconds busy_timeout{5'000};   ///< longest wait for a file that another process has locked
  int group_members = 256;                         ///< maximum number of units of work per commit
  int group_bytes = 4 << 20;                       ///< maximum bytes per commit
  int queue_limit = 10'000;                        ///< maximum number of waiting units of work; beyond it a commit throws `unavailable`
  std::chrono::milliseconds answer_bound{30'000};  ///< longest wait for the disk to answer a COMMIT, then `commit_unknown`
  int query_bytes = 64 << 20;                      ///< maximum size in bytes of the answer to one plain query
  std::string synchronous = "full";  ///< `full` is the only value that a service may use; others lose acknowledged commits in a power cut
  std::string migrations;            ///< folder of `0001_name.sql`, `0002_name.sql`, …; empty: none
  std::string vfs;                   ///< SQLite's file layer by name; empty: its default
};

/// Surroundings of a store that are not configuration.
struct sqlite_environment {
  /// The store's clock, called from its own threads; empty: the system's.
  std::function<wall_time()> clock;
  /// Applied before those of `sqlite_options::migrations`; versions are shared between the two.
  std::vector<sql_migration> migrations;
  /// `block` is for a simulated runtime, whose time must stand still while another thread works.
  enum class waiting : std::uint8_t { suspend, block } wait = waiting::suspend;
  sent_rows sent = sent_rows::remove;  ///< confirmed rows of the outbox
  /// Lets a test show what a lesser `synchronous` loses.
  enum class durability : std::uint8_t { required, may_be_lost } durable = durability::required;
  /// Holds times in columns to the microsecond, as PostgreSQL does: for the harness, whose service may run on either.
  bool cuts_times = false;
  /// Shows the store's statistics; null: they are not shown. Outlives the store.
  metrics::registry* metrics = nullptr;
};

/// Since the start. Read from any thread.
struct sqlite_statistics {
  std::uint64_t groups = 0;       ///< transactions that units of work shared
  std::uint64_t members = 0;      ///< units of work in them; members / groups is the mean group size
  std::uint64_t failed = 0;       ///< members that were refused
  std::uint64_t replays = 0;      ///< groups that lost their transaction and were applied again one by one
  std::uint64_t interactive = 0;  ///< transactions held open by a handler
  std::uint64_t syncs = 0;        ///< how often the log was made durable: once per group, unless no member of the group needs it
  std::uint64_t checkpoints = 0;
  std::size_t queued = 0;  ///< waiting now
};

/// The file `options` name: `path` within `directory`, or `path` itself when absolute or `:memory:`.
std::string sqlite_file(const sqlite_options& options);

}  // namespace mamey::inline v1
