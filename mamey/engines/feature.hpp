#pragma once

/// @file
/// `application.add(mamey::engines())`: every store and transport, of which the configuration chooses.

#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/persistence/sqlite/feature.hpp>

namespace mamey::inline v1 {

class composition;

struct engines_feature {
  sqlite_feature sqlite;      ///< with its migrations, if any
  postgres_feature postgres;  ///< likewise
  rabbitmq_feature rabbitmq;
  void install(composition& into) const;
};

/// The service does not know where it stores and what carries its messages; the configuration says.
///  - Store: PostgreSQL where `postgres:connectionString` is given, else a SQLite file. `persistence:store` decides otherwise.
///  - Messages (`mamey::messaging()` included): RabbitMQ where `rabbitMq:hostNames` is given, else the process itself in a host of several applications, else
///    the store's durable queues. `messaging:transport` decides otherwise.
///
/// Own tables: `mamey::engines({.sqlite = mamey::sqlite({{1, "scans", "create table …"}}), .postgres = mamey::postgres({{1, "scans", "create table …"}})})`.
inline engines_feature engines() { return {}; }
inline engines_feature engines(engines_feature with) { return with; }

}  // namespace mamey::inline v1
