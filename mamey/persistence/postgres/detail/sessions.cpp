#include <mamey/persistence/postgres/detail/sessions.hpp>

#include <utility>

#include <mamey/persistence/postgres/detail/checked_options.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

std::vector<step> greeting(const postgres_options& options, const connection_target& target, access mode, bool shared) {
  std::string sql =
      "select pg_backend_pid(), set_config('default_transaction_isolation', 'read committed', false), set_config('TimeZone', 'UTC', "
      "false), "
      "set_config('DateStyle', 'ISO, MDY', false), set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false), "
      "set_config('standard_conforming_strings', 'on', false), set_config('client_connection_check_interval', '1000', false), "
      "set_config('statement_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false), "
      // A commit that was answered must be there after a power cut; stricter values stay.
      "set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on' else "
      "current_setting('synchronous_commit') end, false)";
  if (mode == access::read_only) sql += ", set_config('default_transaction_read_only', 'on', false)";
  // Who waits for a lock has everybody wait who stands behind it.
  if (shared) sql += ", set_config('lock_timeout', '" + std::to_string(options.lock_timeout.count()) + "', false)";
  if (!options.schema.empty()) {
    std::string path = quoted(options.schema);
    for (const auto& each : target.further_schemas) path += ", " + quoted(each);
    sql += ", set_config('search_path', '" + path + ", public', false)";
  }
  return one({.text = std::move(sql), .values = std::move(parameters().add(options.command_timeout.count())), .result = {}});
}

}  // namespace

std::vector<step> one(step made) {
  std::vector<step> steps;
  steps.push_back(std::move(made));
  return steps;
}

connection_target target_of(const postgres_options& options, const postgres_environment& environment) {
  auto target = parse_connection_string(options.connection_string);
  if (!environment.application.empty()) target.parameters.try_emplace("application_name", environment.application);
  // A service writes: of several servers it wants the one that lets it, also after they have changed roles.
  if (target.servers.size() > 1) target.parameters.try_emplace("target_session_attrs", "read-write");
  return target;
}

postgres_options settled_options(postgres_options options, const connection_target& target) {
  if (options.schema.empty() && target.search_path) options.schema = *target.search_path;
  return checked(std::move(options), target);
}

pool_settings pool_of(const postgres_options& options, const connection_target& target, std::string kind, int connections, int share,
                      access mode, std::shared_ptr<const statement_stopper> stopper, std::shared_ptr<session_era> era) {
  return {.kind = std::move(kind),
          .connections = connections,
          .share = share,
          .waiting_limit = options.waiting_limit,
          .acquire_timeout = options.acquire_timeout,
          .connect_timeout = options.connect_timeout,
          .longest_back_off = options.longest_back_off,
          .target = target,
          .greeting = greeting(options, target, mode, share > 1),
          .stopper = std::move(stopper),
          .era = std::move(era),
          .writes = mode == access::read_write};
}

std::vector<step> run_bookkeeping(pool& on, std::vector<step> steps, durability how, when_lost then, const postgres_options& options,
                                  std::atomic<std::uint64_t>& retried) {
  if (how == durability::relaxed)
    steps.insert(steps.begin(), step{.text = "select set_config('synchronous_commit', 'off', true)", .values = {}, .result = {}});
  const deadline_scope bound(options.command_timeout + options.acquire_timeout);
  const auto work = make_exchange(std::move(steps));
  for (int tries = 1;; ++tries) {
    if (then == when_lost::run_again)
      on.run_again_if_lost(work);
    else
      on.run(work);
    if (!work->failed || !is_retryable(work->error) || tries == most_tries) break;
    ++retried;
    work->start_over();
  }
  work->throw_if_failed();
  return std::move(work->steps);
}

}  // namespace mamey::inline v1::postgres_detail
