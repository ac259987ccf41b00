#pragma once

/// @file
/// For services.
/// Options, surroundings and statistics of a PostgreSQL database.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/messaging/conventions.hpp>
#include <mamey/persistence/migration.hpp>
#include <mamey/persistence/sent_rows.hpp>

namespace mamey::inline v1 {

namespace metrics {
class registry;
}

/// Section `postgres`. The first two keys are those of .NET Mamey (Convey).
struct postgres_options {
  std::string connection_string;  ///< in the form of Npgsql (`Host=db;Database=shop;Username=app;Password=…`), or `postgres://app@db/shop`
  bool seed = false;              ///< accepted and without effect: migrations fill tables
  std::string
      schema;  ///< schema of the tables, made when missing; empty: the search path of the connection string, else the application's name

  std::string queue_schema =
      "mamey_queues";  ///< schema of the durable queues (`messaging:transport`: `sql`), one for all applications that use the database

  int read_connections = 4;         ///< number of connections for reads; many fibers share each, in a pipeline
  int pipelined_reads = 64;         ///< maximum number of reads in flight per read connection
  int flush_connections = 10;       ///< number of connections for buffered units of work; all units in flight share the disk's syncs
  int pipelined_flushes = 8;        ///< maximum number of units in flight per such connection
  int interactive_connections = 4;  ///< number of connections for handlers that hold a transaction, one per handler
  int relay_connections =
      2;  ///< number of connections for outbox, inbox and cleanup, which never wait behind handlers; the same number again for durable queues
  int waiting_limit = 10'000;  ///< maximum number of callers that wait for a connection of one kind; beyond it a call throws `unavailable`

  std::chrono::milliseconds acquire_timeout{10'000};  ///< longest wait for a connection
  std::chrono::milliseconds connect_timeout{5'000};   ///< longest time to connect, for all addresses of all hosts together
  std::chrono::milliseconds start_timeout{
      30'000};  ///< how long the start waits for a database that is away; a database that refuses us ends the start at once
  std::chrono::milliseconds command_timeout{30'000};  ///< longest time of a statement, unless the caller's deadline is nearer
  std::chrono::milliseconds lock_timeout{
      5'000};  ///< longest wait for a lock on shared connections, then `database_busy`; 0: no separate bound
  std::chrono::milliseconds answer_bound{30'000};     ///< longest wait for the answer to a COMMIT, then `commit_unknown`
  std::chrono::milliseconds longest_back_off{1'000};  ///< longest pause between tries to connect while the server is away
  int query_bytes = 64 << 20;                         ///< maximum size in bytes of the answer to one plain query
  std::string migrations;                             ///< folder of `0001_name.sql`, `0002_name.sql`, …; empty: none
  bool dry_run = false;                               ///< tries the missing migrations, undoes them and names them; the start ends there

  struct takeover {
    bool enabled = false;           ///< the start takes over outbox and inbox of a .NET service, which must be stopped (docs/migrating.md)
    std::string schema = "public";  ///< schema of their tables, in the same database
    std::string outbox = "OutboxMessage";  ///< their outbox table; we send its unsent messages
    std::string inbox = "InboxMessage";    ///< their inbox table; its messages are not handled again; empty: there is none
    std::vector<std::string> handlers;     ///< names of our handlers for the messages in their inbox: these handlers count them as handled
    std::map<std::string, std::string>
        exchanges;  ///< `ReserveResource`: `deliveries`, for messages that go elsewhere than to our own exchange
    std::map<std::string, std::string> routing_keys;  ///< `ReserveResource`: `reserve`, for messages whose attribute names a routing key
    std::chrono::milliseconds lock_timeout{10'000};   ///< longest wait for a process that still uses the tables
    struct column_names {
      std::string id = "Id";                                      ///< in both tables: the message id
      std::string processed_at = "ProcessedAt";                   ///< in both tables: the time when it was sent or handled
      std::string sent_at = "SentAt";                             ///< the time when it was stored; gives the order
      std::string originated_message_id = "OriginatedMessageId";  ///< the message that led to this one; empty: there is no such column
      std::string correlation_id = "CorrelationId";               ///< correlation id; empty: there is no such column
      std::string span_context = "SpanContext";                   ///< the trace as Jaeger writes it; empty: there is no such column
      std::string headers = "Headers";                            ///< JSON object; empty: there is no such column
      std::string message_type = "MessageType";                   ///< name of the type with its assembly
      std::string serialized_message = "SerializedMessage";       ///< the body, JSON
      std::string serialized_message_context = "SerializedMessageContext";  ///< the context, JSON or `{}`; empty: there is no such column
    } columns;
  } take_over;

  static constexpr auto rules() { return all(field<&postgres_options::lock_timeout>.zero_is_none()); }
};

using postgres_migration = sql_migration;

/// Surroundings of a store that are not configuration.
struct postgres_environment {
  /// Applied before those of `postgres_options::migrations`; versions are shared between the two.
  std::vector<postgres_migration> migrations;
  sent_rows sent = sent_rows::remove;  ///< confirmed rows of the outbox
  std::string application;             ///< shown in pg_stat_activity unless the connection string names another
  /// Shows the store's statistics; null: they are not shown. Outlives the store.
  metrics::registry* metrics = nullptr;

  /// Names and retention for messages that are taken over.
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
