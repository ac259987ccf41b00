#pragma once

/// @file
/// How sessions are set up, and how bookkeeping runs on them.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <mamey/persistence/postgres/detail/pool.hpp>
#include <mamey/persistence/postgres/detail/statement_stopper.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1::postgres_detail {

std::vector<step> one(step made);

connection_target target_of(const postgres_options& options, const postgres_environment& environment);
/// `options` with what the connection string says of them, checked.
postgres_options settled_options(postgres_options options, const connection_target& target);

enum class access : std::uint8_t { read_only, read_write };
/// A pool whose sessions are set to what we rely on, whatever the server's and the role's defaults are.
pool_settings pool_of(const postgres_options& options, const connection_target& target, std::string kind, int connections, int share,
                      access mode, std::shared_ptr<const statement_stopper> stopper, std::shared_ptr<session_era> era);

inline constexpr int most_tries = 4;  ///< of a unit that meets deadlocks or serialization failures

/// `relaxed`: for what only hurries or repeats the work of others. Lost in a power cut, it makes a message come again, as it may anyway.
enum class durability : std::uint8_t { synced, relaxed };
enum class when_lost : std::uint8_t { fail, run_again };
/// Runs statements as one transaction, again after a deadlock or serialization failure (counted in `retried`). Throws what was refused.
std::vector<step> run_bookkeeping(pool& on, std::vector<step> steps, durability how, when_lost then, const postgres_options& options,
                                  std::atomic<std::uint64_t>& retried);

}  // namespace mamey::inline v1::postgres_detail
