#pragma once

/// @file
/// Where a conveyor service stores and what its messages go through: configuration says, the service does not know.

#include <mamey/messaging/composition.hpp>

namespace conveyor {

struct engines_feature {
  void install(mamey::composition& into) const;
};

/// PostgreSQL where `postgres:connectionString` is given, else a SQLite file; RabbitMQ where `rabbitMq:hostNames` is given, else what a host has without a
/// broker. See appsettings.distributed.json.
inline engines_feature engines() { return {}; }

}  // namespace conveyor
