#include <mamey/persistence/postgres/options.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/checked_options.hpp>

namespace mamey::inline v1::postgres_detail {

postgres_options checked(postgres_options options, const connection_target& target) {
  const auto refuse = [](std::string_view sentence) { throw unavailable("postgres_options", "postgres: {sentence}", sentence); };
  if (target.connect_timeout && target.connect_timeout->count() > 0) options.connect_timeout = *target.connect_timeout;
  if (target.command_timeout && target.command_timeout->count() > 0) options.command_timeout = *target.command_timeout;
  if (target.most_connections && *target.most_connections < options.read_connections + options.flush_connections +
                                                                options.interactive_connections + options.relay_connections) {
    refuse(
        "the connection string's Maximum Pool Size is less than readConnections + flushConnections + interactiveConnections + "
        "relayConnections");
  }
  if (options.read_connections < 1 || options.flush_connections < 1 || options.interactive_connections < 1 || options.relay_connections < 1)
    refuse("`readConnections`, `flushConnections`, `interactiveConnections` and `relayConnections` must be at least 1");
  if (options.pipelined_reads < 1 || options.pipelined_flushes < 1) refuse("`pipelinedReads` and `pipelinedFlushes` must be at least 1");
  if (options.waiting_limit < 1) refuse("`waitingLimit` must be at least 1");
  if (options.connect_timeout.count() < 1 || options.command_timeout.count() < 1 || options.acquire_timeout.count() < 1 ||
      options.answer_bound.count() < 1)
    refuse("`acquireTimeout`, `connectTimeout`, `commandTimeout` and `answerBound` must be longer than nothing");
  if (options.lock_timeout.count() < 0 || options.start_timeout.count() < 0)
    refuse("`lockTimeout` and `startTimeout` must not be negative");
  return options;
}

}  // namespace mamey::inline v1::postgres_detail
