#pragma once

/// @file
/// How a SQLite file is used, what surrounds it, and what it counts.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <mamey/persistence/migration.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

namespace metrics { class registry; }

/// Section `sqlite`. One file a store.
struct sqlite_options {
  std::string directory = "data";                  ///< made when it does not exist
  std::string path;                                ///< the file, within `directory` unless absolute; `:memory:` keeps nothing
  int read_connections = 4;                        ///< snapshot reads at a time
  std::chrono::milliseconds busy_timeout{5'000};   ///< how long to wait for a file another process has locked
  int group_members = 256;                         ///< most units of work a commit
  int group_bytes = 4 << 20;                       ///< most bytes a commit
  int queue_limit = 10'000;                        ///< most units of work waiting; beyond it a commit throws `unavailable`
  std::chrono::milliseconds answer_bound{30'000};  ///< a disk that has not answered a COMMIT by then: `commit_unknown`
  int query_bytes = 64 << 20;                      ///< most bytes one plain query may return
  std::string synchronous = "full";  ///< the only value a service may use: a lesser one loses acknowledged commits in a power cut
  std::string migrations;            ///< folder of `0001_name.sql`, `0002_name.sql`, …; empty: none
  std::string vfs;                   ///< SQLite's file layer by name; empty: its default
};

/// What is not configuration.
struct sqlite_environment {
  /// The store's clock, called from its own threads; empty: the system's.
  std::function<wall_time()> clock;
  /// Applied before those of `sqlite_options::migrations`; versions are shared between the two.
  std::vector<sql_migration> migrations;
  /// `block` for a simulated runtime, whose time must not run on while another thread works.
  enum class waiting : std::uint8_t { suspend, block } wait = waiting::suspend;
  /// Confirmed rows of the outbox: `archive` keeps them until `store::clean` finds them past their retention.
  enum class sent_rows : std::uint8_t { remove, archive } sent = sent_rows::remove;
  /// Lets a test show what a lesser `synchronous` loses.
  enum class durability : std::uint8_t { required, may_be_lost } durable = durability::required;
  /// Where the store's statistics are shown; null: nowhere. Outlives the store.
  metrics::registry* metrics = nullptr;
};

/// Since the start. Read from any thread.
struct sqlite_statistics {
  std::uint64_t groups = 0;       ///< transactions that units of work shared
  std::uint64_t members = 0;      ///< units of work in them; members / groups is the mean group size
  std::uint64_t failed = 0;       ///< members that were refused
  std::uint64_t replays = 0;      ///< groups that lost their transaction and were applied again one by one
  std::uint64_t interactive = 0;  ///< transactions held open by a handler
  std::uint64_t syncs = 0;        ///< times the log was made durable: once a group, unless all its members can do without
  std::uint64_t checkpoints = 0;
  std::size_t queued = 0;  ///< waiting now
};

/// The file `options` name: `path` within `directory`, or `path` itself when absolute or `:memory:`.
std::string sqlite_file(const sqlite_options& options);

}  // namespace mamey::inline v1
