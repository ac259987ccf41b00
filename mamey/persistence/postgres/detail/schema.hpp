#pragma once

/// @file
/// The framework's own tables. Steps are only ever added: release N runs on the tables of N−1 and N+1, so a step adds what the older
/// release can ignore, and what nobody uses any more is removed one release later.

#include <span>

#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

/// Outbox, inbox, delayed messages, errors.
std::span<const postgres_migration> store_schema();

}  // namespace mamey::inline v1::postgres_detail
