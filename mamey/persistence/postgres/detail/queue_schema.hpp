#pragma once

/// @file
/// The tables of durable queues. Steps are only ever added, as those of `schema.hpp`.

#include <span>

#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

std::span<const postgres_migration> queues_schema();

}  // namespace mamey::inline v1::postgres_detail
