#pragma once

/// @file
/// For services.
/// `application.add(mamey::engines())`: adds every store and transport; configuration chooses one of each.

#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>
#include <mamey/persistence/sqlite/feature.hpp>

namespace mamey::inline v1 {

class composition;

struct engines_feature {
  sqlite_feature sqlite;      ///< with its migrations, if any
  postgres_feature postgres;  ///< likewise
  rabbitmq_feature rabbitmq;
  void install(composition& into) const { link_mamey_engines(into); }

 private:
  void link_mamey_engines(composition& into)
      const;  ///< the linker names it when the library is missing: `target_link_libraries(service PRIVATE mamey::engines)`
};

/// Configuration chooses the store and the transport; the code of the service names neither.
///  - Store: PostgreSQL where `postgres:connectionString` is given, else a SQLite file. `persistence:store` decides otherwise.
///  - Messages (`mamey::messaging()` included): RabbitMQ where `rabbitMq:hostNames` is given, else the process itself in a host of several applications, else
///    the store's durable queues. `messaging:transport` decides otherwise.
///
/// Own tables:
/// `mamey::engines({.sqlite = mamey::sqlite({{1, "scans", "create table …"}}), .postgres = mamey::postgres({{1, "scans", "create table …"}})})`.
inline engines_feature engines(engines_feature with = {}) { return with; }

}  // namespace mamey::inline v1
