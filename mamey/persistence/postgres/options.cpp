#include <mamey/persistence/postgres/options.hpp>

#include <array>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/checked_options.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// Npgsql's bound is on all connections of the service: each pool keeps one, and the others go round until the bound or what was asked for is reached.
void fit(postgres_options& options, int most) {
  const std::array pools{&options.flush_connections, &options.read_connections, &options.interactive_connections,
                         &options.relay_connections};
  if (most < static_cast<int>(pools.size())) {
    throw unavailable(
        "postgres_options",
        "postgres: the connection string's Maximum Pool Size is {most}: at least {least} are needed, one each for reads, units of work, "
        "transactions and the relay",
        most, pools.size());
  }
  const auto asked = std::array{*pools[0], *pools[1], *pools[2], *pools[3]};
  for (auto* const each : pools) *each = 1;
  for (auto left = most - static_cast<int>(pools.size()); left > 0;) {
    const auto before = left;
    for (std::size_t i = 0; i < pools.size() && left > 0; ++i) {
      if (*pools[i] < asked[i]) ++*pools[i], --left;
    }
    if (left == before) return;
  }
}

}  // namespace

postgres_options checked(postgres_options options, const connection_target& target) {
  const auto refuse = [](std::string_view sentence) { throw unavailable("postgres_options", "postgres: {sentence}", sentence); };
  if (target.connect_timeout && target.connect_timeout->count() > 0) options.connect_timeout = *target.connect_timeout;
  if (target.command_timeout && target.command_timeout->count() > 0) options.command_timeout = *target.command_timeout;
  if (options.read_connections < 1 || options.flush_connections < 1 || options.interactive_connections < 1 || options.relay_connections < 1)
    refuse("`readConnections`, `flushConnections`, `interactiveConnections` and `relayConnections` must be at least 1");
  if (options.pipelined_reads < 1 || options.pipelined_flushes < 1) refuse("`pipelinedReads` and `pipelinedFlushes` must be at least 1");
  if (options.waiting_limit < 1) refuse("`waitingLimit` must be at least 1");
  if (options.connect_timeout.count() < 1 || options.command_timeout.count() < 1 || options.acquire_timeout.count() < 1 ||
      options.answer_bound.count() < 1)
    refuse("`acquireTimeout`, `connectTimeout`, `commandTimeout` and `answerBound` must be longer than nothing");
  if (options.lock_timeout.count() < 0 || options.start_timeout.count() < 0)
    refuse("`lockTimeout` and `startTimeout` must not be negative");
  if (target.most_connections) fit(options, *target.most_connections);
  return options;
}

}  // namespace mamey::inline v1::postgres_detail
