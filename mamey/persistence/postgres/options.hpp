#pragma once

/// @file
/// How a PostgreSQL database is reached and used, what surrounds it, and what it counts.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace mamey::inline v1 {

namespace metrics { class registry; }

/// Section `postgres`. The first two keys are the reference's.
struct postgres_options {
  std::string connection_string;  ///< as Npgsql writes it (`Host=db;Database=shop;Username=app;Password=…`), or `postgres://app@db/shop`
  bool seed = false;              ///< accepted and without effect: migrations fill tables
  std::string schema;  ///< where the tables are, made when missing; empty: the connection string's search path, else the application's name

  int read_connections = 4;         ///< shared: autocommit reads of many fibers are pipelined on each
  int pipelined_reads = 64;         ///< most reads on their way on one of them
  int flush_connections = 10;       ///< for buffered units of work, each whole; all that are under way share the disk's syncs
  int pipelined_flushes = 8;        ///< most units on their way on one of them
  int interactive_connections = 4;  ///< for handlers that hold a transaction: one each
  int relay_connections = 2;        ///< for outbox, inbox bookkeeping and cleanup, which never wait behind handlers
  int waiting_limit = 10'000;       ///< most callers waiting for a connection of one kind; beyond it a call throws `unavailable`

  std::chrono::milliseconds acquire_timeout{10'000};  ///< longest wait for a connection
  std::chrono::milliseconds connect_timeout{5'000};   ///< for all addresses of all hosts together
  std::chrono::milliseconds command_timeout{30'000};  ///< longest statement, unless the caller's deadline is nearer
  std::chrono::milliseconds answer_bound{30'000};     ///< a COMMIT that has not been answered by then: `commit_unknown`
  std::chrono::milliseconds longest_back_off{1'000};  ///< between tries to connect while the server is away
  int query_bytes = 64 << 20;                         ///< most bytes one plain query may return
  std::string migrations;                             ///< folder of `0001_name.sql`, `0002_name.sql`, …; empty: none
};

/// One step of a schema's history. Never change one that was applied: its checksum is remembered.
struct postgres_migration {
  std::int64_t version = 0;  ///< ascending, unique
  std::string name;
  std::string sql;  ///< statements; they run in one transaction, so none of BEGIN, COMMIT, ROLLBACK, CREATE INDEX CONCURRENTLY
};

/// What is not configuration.
struct postgres_environment {
  /// Applied before those of `postgres_options::migrations`; versions are shared between the two.
  std::vector<postgres_migration> migrations;
  /// Confirmed rows of the outbox: `archive` keeps them until `store::clean` finds them past their retention.
  enum class sent_rows : std::uint8_t { remove, archive } sent = sent_rows::remove;
  std::string application;  ///< shown in pg_stat_activity unless the connection string names another
  /// Where the store's statistics are shown; null: nowhere. Outlives the store.
  metrics::registry* metrics = nullptr;
};

/// Since the start. Read from any thread.
struct postgres_statistics {
  std::uint64_t opened = 0;   ///< connections
  std::uint64_t lost = 0;     ///< connections that broke under a caller or while idle
  std::uint64_t refused = 0;  ///< tries to connect that failed
  std::uint64_t retried = 0;  ///< units of work applied again after a deadlock or serialization failure
  int open = 0;               ///< connections now
  int waiting = 0;            ///< callers that wait for one now
};

}  // namespace mamey::inline v1
