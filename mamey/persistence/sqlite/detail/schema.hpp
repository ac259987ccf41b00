#pragma once

/// @file
/// The framework's own tables. Steps are only ever added: release N runs on the tables of N−1 and N+1, so a step adds what the older
/// release can ignore, and what nobody uses any more is removed one release later.

#include <span>

#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1::sqlite_detail {

/// Outbox, inbox, delayed messages, errors.
std::span<const sql_migration> store_schema();
/// Durable queues.
std::span<const sql_migration> queues_schema();

}  // namespace mamey::inline v1::sqlite_detail
