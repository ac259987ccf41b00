#pragma once

/// @file
/// How a PostgreSQL database is reached and used, what surrounds it, and what it counts.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <mamey/messaging/conventions.hpp>
#include <mamey/persistence/migration.hpp>

namespace mamey::inline v1 {

namespace metrics { class registry; }

/// Section `postgres`. The first two keys are the reference's.
struct postgres_options {
  std::string connection_string;  ///< as Npgsql writes it (`Host=db;Database=shop;Username=app;Password=…`), or `postgres://app@db/shop`
  bool seed = false;              ///< accepted and without effect: migrations fill tables
  std::string schema;  ///< where the tables are, made when missing; empty: the connection string's search path, else the application's name

  std::string queue_schema = "mamey_queues";  ///< where the durable queues are (`messaging:transport`: `sql`), one for all applications that use the database

  int read_connections = 4;         ///< shared: autocommit reads of many fibers are pipelined on each
  int pipelined_reads = 64;         ///< most reads on their way on one of them
  int flush_connections = 10;       ///< for buffered units of work, each whole; all that are under way share the disk's syncs
  int pipelined_flushes = 8;        ///< most units on their way on one of them
  int interactive_connections = 4;  ///< for handlers that hold a transaction: one each
  int relay_connections = 2;        ///< for outbox, inbox bookkeeping and cleanup, which never wait behind handlers; as many more for durable queues
  int waiting_limit = 10'000;       ///< most callers waiting for a connection of one kind; beyond it a call throws `unavailable`

  std::chrono::milliseconds acquire_timeout{10'000};  ///< longest wait for a connection
  std::chrono::milliseconds connect_timeout{5'000};   ///< for all addresses of all hosts together
  std::chrono::milliseconds start_timeout{30'000};    ///< the start waits so long for a database that is away; one that refuses us ends it at once
  std::chrono::milliseconds command_timeout{30'000};  ///< longest statement, unless the caller's deadline is nearer
  std::chrono::milliseconds lock_timeout{5'000};      ///< longest wait for a lock on shared connections, then `database_busy`; 0: no bound of its own
  std::chrono::milliseconds answer_bound{30'000};     ///< a COMMIT that has not been answered by then: `commit_unknown`
  std::chrono::milliseconds longest_back_off{1'000};  ///< between tries to connect while the server is away
  int query_bytes = 64 << 20;                         ///< most bytes one plain query may return
  std::string migrations;                             ///< folder of `0001_name.sql`, `0002_name.sql`, …; empty: none
  bool dry_run = false;                               ///< migrations that are missing are tried, undone and named; the start ends there

  struct takeover {
    bool enabled = false;           ///< the start takes over outbox and inbox of a .NET service, which must be stopped (docs/migrating.md)
    std::string schema = "public";  ///< where their tables are, in the same database
    std::string outbox = "OutboxMessage";    ///< table: what it has not sent is sent by us
    std::string inbox = "InboxMessage";      ///< table: what it handled is not handled again; empty: there is none
    std::vector<std::string> handlers;       ///< names of ours that know what the inbox knows: those of its messages
    std::map<std::string, std::string> exchanges;     ///< `ReserveResource`: `deliveries`, for messages that go elsewhere than to our own exchange
    std::map<std::string, std::string> routing_keys;  ///< `ReserveResource`: `reserve`, for messages whose attribute names a routing key
    std::chrono::milliseconds lock_timeout{10'000};   ///< longest wait for somebody who still uses the tables
    struct column_names {
      std::string id = "Id";                                                 ///< of both tables: the message id
      std::string processed_at = "ProcessedAt";                              ///< of both tables: when it was sent or handled
      std::string sent_at = "SentAt";                                        ///< when it was stored, which is its order
      std::string originated_message_id = "OriginatedMessageId";             ///< the message that led to this one
      std::string correlation_id = "CorrelationId";                          ///< correlation id
      std::string span_context = "SpanContext";                              ///< the trace as Jaeger writes it
      std::string headers = "Headers";                                       ///< JSON object
      std::string message_type = "MessageType";                              ///< name of the type with its assembly
      std::string serialized_message = "SerializedMessage";                  ///< the body, JSON
      std::string serialized_message_context = "SerializedMessageContext";   ///< the context, JSON or `{}`
    } columns;
  } take_over;
};

using postgres_migration = sql_migration;

/// What is not configuration.
struct postgres_environment {
  /// Applied before those of `postgres_options::migrations`; versions are shared between the two.
  std::vector<postgres_migration> migrations;
  /// Confirmed rows of the outbox: `archive` keeps them until `store::clean` finds them past their retention.
  enum class sent_rows : std::uint8_t { remove, archive } sent = sent_rows::remove;
  std::string application;  ///< shown in pg_stat_activity unless the connection string names another
  /// Where the store's statistics are shown; null: nowhere. Outlives the store.
  metrics::registry* metrics = nullptr;

  /// How messages that are taken over were named and what of them is remembered.
  struct takeover_surroundings {
    naming_conventions names;  ///< `exchange`: our own
    std::string span_context_header = "span_context";
    std::string context_header;  ///< empty: contexts do not travel
    std::chrono::milliseconds inbox_retention{std::chrono::hours(24 * 14)};
  } take_over;
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
