#include <mamey/persistence/postgres/store.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/postgres/detail/changes.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>
#include <mamey/persistence/postgres/detail/delayed.hpp>
#include <mamey/persistence/postgres/detail/error_store.hpp>
#include <mamey/persistence/postgres/detail/inbox.hpp>
#include <mamey/persistence/postgres/detail/inbox_looks.hpp>
#include <mamey/persistence/postgres/detail/interactive.hpp>
#include <mamey/persistence/postgres/detail/job_rows.hpp>
#include <mamey/persistence/postgres/detail/mapped_tables.hpp>
#include <mamey/persistence/postgres/detail/metrics.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>
#include <mamey/persistence/postgres/detail/plain_query.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>
#include <mamey/persistence/postgres/detail/schema.hpp>
#include <mamey/persistence/postgres/detail/sessions.hpp>
#include <mamey/persistence/postgres/detail/slots.hpp>
#include <mamey/persistence/postgres/detail/takeover.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {

namespace pg = postgres_detail;

namespace {

const logger log{"mamey.postgres"};

}  // namespace

struct postgres_store::state {
  state(const postgres_options& given, postgres_environment surroundings)
      : environment(std::move(surroundings)), target(pg::target_of(given, environment)), options(pg::settled_options(given, target)) {
    stopper->use(relays);
    if (environment.metrics) show(*environment.metrics);
  }

  pg::pool::lease first_connection();
  pg::step ask(pg::step made);
  pg::rows read(pg::step made) { return std::move(ask(std::move(made)).result); }
  /// On the connections that handlers do not use.
  std::vector<pg::step> run_relay(std::vector<pg::step> steps, pg::durability how, pg::when_lost then);
  pg::rows bookkeep(pg::step made) {
    return std::move(run_relay(pg::one(std::move(made)), pg::durability::synced, pg::when_lost::fail).front().result);
  }
  pg::rows hurry(pg::step made) {
    return std::move(run_relay(pg::one(std::move(made)), pg::durability::relaxed, pg::when_lost::run_again).back().result);
  }

  commit_outcome commit_at_once(pg::unit_steps& unit, hand_over& handing, bool& again);
  commit_outcome commit_after_look(pg::unit_steps& unit, hand_over& handing, bool& again);
  commit_outcome outcome_of(const pg::unit_steps& unit, const pg::exchange& refused, std::size_t first, bool& again);
  void wake(written_rows rows);

  std::array<const pg::pool*, 4> pools() const { return {&reads, &flushes, &interactives, relays.get()}; }
  void show(metrics::registry& in);

  const postgres_environment environment;
  const pg::connection_target target;
  const postgres_options options;
  document_tables tables{pg::dialect()};
  hand_over_slot taker;
  std::mutex wake_guard;
  std::function<void(written_rows)> on_commit;
  std::atomic<std::uint64_t> retried{0};
  const std::shared_ptr<pg::statement_stopper> stopper = std::make_shared<pg::statement_stopper>();
  const std::shared_ptr<pg::session_era> era = std::make_shared<pg::session_era>();
  pg::pool_settings pool_of(std::string kind, int connections, int share, pg::access mode = pg::access::read_write) const {
    return pg::pool_of(options, target, std::move(kind), connections, share, mode, stopper, era);
  }
  pg::pool reads{pool_of("read", options.read_connections, options.pipelined_reads, pg::access::read_only)};
  pg::pool flushes{pool_of("flush", options.flush_connections, options.pipelined_flushes)};
  pg::pool interactives{pool_of("interactive", options.interactive_connections, 1)};
  const std::shared_ptr<pg::pool> relays = std::make_shared<pg::pool>(pool_of("relay", options.relay_connections, 4));
  pg::inbox_looks looks{[this](std::span<const inbox_key> keys) {
    const auto found = read(pg::were_handled(keys));
    std::vector<bool> handled;
    for (int row = 0; row < found.count(); ++row) handled.push_back(found.boolean(row, 0));
    return handled;
  }};
  std::vector<metrics::registration> shown;  ///< after what it shows
};

void postgres_store::state::show(metrics::registry& in) {
  const auto all = pools();
  shown = pg::show_pools(in, {all.begin(), all.end()});
  shown.push_back(pg::show_retries(in, retried));
}

postgres_store::postgres_store(const postgres_options& options, postgres_environment environment)
    : state_(std::make_unique<state>(options, std::move(environment))) {}
postgres_store::~postgres_store() = default;

/// Service and database are often started together: one that is away is waited for, one that refuses us is not.
pg::pool::lease postgres_store::state::first_connection() {
  const auto until = steady_now() + options.start_timeout;
  auto pause = std::chrono::milliseconds(50);
  for (int tries = 0;; ++tries) {
    try {
      return interactives.acquire();
    } catch (const unavailable& away) {
      pause = std::min(pause * 2, options.longest_back_off);
      if (away.code() != "database_unreachable" || steady_now() + pause > until) throw;
      if (tries % 5 == 0) log.warning("waiting for the database: {cause}", away.reason());
    }
    sleep_for(pause);
  }
}

void postgres_store::prepare(std::span<const collection* const> collections) {
  if (state_->options.dry_run) {
    std::string names;
    for (const auto& each : try_migrations()) names += "\n  " + each;
    throw unavailable("dry_run", "a dry run, as `postgres:dryRun` says: nothing was changed; {missing}",
                      names.empty() ? "no migration is missing" : "these migrations are missing and would succeed:" + names);
  }
  const auto steps = collect_migrations(state_->environment.migrations, state_->options.migrations);
  auto on = state_->first_connection();
  on.discard();  // its statements are not met again
  pg::prepare_history(*on, state_->options.schema);
  pg::migrate(*on, "mamey", pg::store_schema());
  pg::prepare_tables(*on, collections);
  state_->tables.add(collections);
  pg::migrate(*on, "service", steps);
  pg::check_mapped_tables(*on, collections);
  if (state_->options.take_over.enabled) pg::take_over(*on, state_->options.take_over, state_->environment);
}

std::vector<std::string> postgres_store::try_migrations() {
  const auto steps = collect_migrations(state_->environment.migrations, state_->options.migrations);
  auto on = state_->first_connection();
  on.discard();
  return pg::try_migrations(*on, state_->options.schema, pg::store_schema(), steps);
}

// -- reads ------------------------------------------------------------------------------------------------------------

pg::step postgres_store::state::ask(pg::step made) {
  const deadline_scope bound(options.command_timeout + options.acquire_timeout);
  const auto work = pg::make_exchange(pg::one(std::move(made)));
  reads.run_again_if_lost(work);
  work->throw_if_failed();
  return std::move(work->steps[0]);
}

std::optional<document> postgres_store::load(const collection& from, std::string_view id) {
  auto found = pg::read_documents(state_->read(pg::load_step(state_->tables.at(from), id)));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<document> postgres_store::find(const collection& in, const document_query& query) {
  return pg::read_documents(state_->read(pg::find_step(state_->tables.at(in), query)));
}

std::int64_t postgres_store::count(const collection& in, std::span<const column_condition> where) {
  return state_->read(pg::count_step(state_->tables.at(in), where)).integer(0, 0);
}

bool postgres_store::cuts_times() const noexcept { return true; }

void postgres_store::query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) {
  const auto answered = [&] {
    try {
      return state_->ask(pg::plain_step(statement, static_cast<std::size_t>(state_->options.query_bytes)));
    } catch (const unavailable& refused) {
      if (refused.code() == "database_read_only") throw_query_writes(statement.text);  // sessions that read are read only by our own wish
      throw;
    }
  };
  pg::hand_out(answered(), each);
}

// -- units of work ----------------------------------------------------------------------------------------------------

void postgres_store::state::wake(written_rows rows) {
  if (!rows.any()) return;
  const std::lock_guard lock(wake_guard);
  if (on_commit) on_commit(rows);
}

commit_outcome postgres_store::state::outcome_of(const pg::unit_steps& unit, const pg::exchange& done, std::size_t first, bool& again) {
  if (!done.failed) {
    done.throw_if_failed();
    return commit_outcome::committed;
  }
  if (unit.was_handled_already(done)) return commit_outcome::already_handled;
  if (again && pg::is_retryable(done.error)) return commit_outcome::committed;  // not yet
  again = false;
  unit.throw_refusal(done, first);
}

/// The statements between two Syncs are one transaction: BEGIN and COMMIT are not even sent.
commit_outcome postgres_store::state::commit_at_once(pg::unit_steps& unit, hand_over& handing, bool& again) {
  const auto work = pg::make_exchange(unit.take());
  flushes.run(work, [&](pg::connection& on) { pg::run_commit(on, work, options.answer_bound); });
  again = again && work->failed && pg::is_retryable(work->error);
  const auto outcome = outcome_of(unit, *work, 0, again);
  if (!work->failed) unit.tell_inserted(*work, 0, handing);
  return outcome;
}

/// A plain statement's number of rows is known only after it ran: one round trip more, on a connection of its own.
commit_outcome postgres_store::state::commit_after_look(pg::unit_steps& unit, hand_over& handing, bool& again) {
  auto steps = unit.take();
  steps.insert(steps.begin(), pg::step{.text = "begin", .values = {}, .result = {}});
  const auto work = pg::make_exchange(std::move(steps));
  auto on = interactives.run(work, [&](pg::connection& with) {
    const masked_section masked(options.answer_bound);
    const deadline_scope bound(options.answer_bound);
    with.run(work);
  });
  const auto roll_back = [&] { on->post(pg::make_exchange(pg::one({.text = "rollback", .values = {}, .result = {}}))); };
  if (work->failed || work->end != pg::exchange::ending::answered) {
    roll_back();
    again = again && work->failed && pg::is_retryable(work->error);
    return outcome_of(unit, *work, 1, again);
  }
  try {
    unit.check_rows(*work, 1);
  } catch (const error&) {
    roll_back();
    throw;
  }
  const auto end = pg::make_exchange(pg::one({.text = "commit", .values = {}, .result = {}}));
  pg::run_commit(*on, end, options.answer_bound);
  again = again && end->failed && pg::is_retryable(end->error);
  if (again) return commit_outcome::committed;
  end->throw_if_failed();  // a deferred constraint
  unit.tell_inserted(*work, 1, handing);
  return commit_outcome::committed;
}

commit_outcome postgres_store::commit(const change_set& changes) {
  if (changes.empty()) return commit_outcome::committed;
  hand_over handing(state_->taker.current(), changes.outbox);
  for (int tries = 1;; ++tries) {
    handing.begin();
    pg::unit_steps unit(changes, state_->tables, pg::inbox_row::to_insert, handing.terms());
    bool again = tries < pg::most_tries;
    const auto outcome =
        unit.checks_rows() ? state_->commit_after_look(unit, handing, again) : state_->commit_at_once(unit, handing, again);
    if (!again) {
      if (outcome == commit_outcome::committed) state_->wake(handing.committed(written_by(changes)));
      return outcome;
    }
    ++state_->retried;
    sleep_for(std::chrono::milliseconds(1 << tries));
  }
}

std::unique_ptr<store_transaction> postgres_store::begin(const std::optional<inbox_key>& inbox, std::chrono::milliseconds bound) {
  const pg::interactive_settings settings{
      .bound = bound, .answer_bound = state_->options.answer_bound, .query_bytes = static_cast<std::size_t>(state_->options.query_bytes)};
  return pg::interactive_transaction::begin(
      state_->interactives, state_->tables, inbox, settings,
      {.taker = [this] { return state_->taker.current(); }, .wake = [this](written_rows rows) { state_->wake(rows); }});
}

// -- outbox -----------------------------------------------------------------------------------------------------------
// Claims and failures are synced: a row that was never claimed has certainly not been sent, and refusals are counted.

std::vector<pg::step> postgres_store::state::run_relay(std::vector<pg::step> steps, pg::durability how, pg::when_lost then) {
  return pg::run_bookkeeping(*relays, std::move(steps), how, then, options, retried);
}

claim postgres_store::claim_outbox(const claim_request& request) {
  claim taken{.token = uuid::v4().to_compact_string(), .rows = {}};
  if (request.most_rows == 0) return taken;
  if (!request.ordered) {
    taken.rows = pg::read_claimed(state_->bookkeep(pg::claim_rows(request, taken.token, pg::search::unordered)));
    return taken;
  }
  std::vector<pg::step> steps;
  steps.push_back(pg::claim_rows(request, taken.token, pg::search::first_rows));
  steps.push_back(pg::are_rows_beyond_the_first());
  const auto done = state_->run_relay(std::move(steps), pg::durability::synced, pg::when_lost::fail);
  taken.rows = pg::read_claimed(done[0].result);
  if (taken.rows.empty() && done[1].result.boolean(0, 0))
    taken.rows = pg::read_claimed(state_->bookkeep(pg::claim_rows(request, taken.token, pg::search::by_key)));
  return taken;
}

void postgres_store::mark_sent(std::span<const std::int64_t> sequences) {
  if (sequences.empty()) return;
  const bool archives = state_->environment.sent == sent_rows::archive;
  state_->hurry(archives ? pg::archive_outbox(sequences, pg::settled::sent) : pg::delete_outbox(sequences));
}

void postgres_store::mark_unroutable(std::span<const std::int64_t> sequences) {
  if (sequences.empty()) return;
  state_->hurry(pg::archive_outbox(sequences, pg::settled::unroutable));
}

std::size_t postgres_store::renew_outbox(const std::string& token, std::span<const std::int64_t> sequences,
                                         std::chrono::milliseconds lease) {
  return static_cast<std::size_t>(state_->hurry(pg::renew_outbox(token, sequences, lease.count())).affected());
}

std::size_t postgres_store::release_outbox(const std::string& token, std::span<const std::int64_t> sequences) {
  return static_cast<std::size_t>(state_->hurry(pg::release_outbox(token, sequences)).affected());
}

std::size_t postgres_store::fail_outbox(const std::string& token, std::span<const outbox_failure> failures) {
  return static_cast<std::size_t>(state_->bookkeep(pg::fail_outbox(token, failures)).affected());
}

outbox_state postgres_store::read_outbox_state() { return pg::read_counts(state_->read(pg::outbox_counts())); }

std::vector<message_aside> postgres_store::list_aside(set_aside which, std::int64_t offset, std::int64_t limit) {
  return pg::read_aside(state_->read(pg::list_aside(which, offset, limit)));
}

std::size_t postgres_store::resend_outbox(std::span<const std::int64_t> sequences) {
  std::vector<pg::step> steps;
  steps.push_back(pg::unpark(sequences));
  steps.push_back(pg::lock_archived_keys(sequences));
  steps.push_back(pg::append_again(sequences));
  const auto done = state_->run_relay(std::move(steps), pg::durability::synced, pg::when_lost::fail);
  const auto resent = done[0].result.affected() + done[2].result.affected();
  state_->wake({.outbox = resent > 0});
  return static_cast<std::size_t>(resent);
}

std::vector<int> postgres_store::lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) {
  const auto done = state_->run_relay(pg::lease_slots(owner, most, lease.count()), pg::durability::relaxed, pg::when_lost::run_again);
  const auto& held = done.back().result;
  std::vector<int> slots;
  for (int row = 0; row < held.count(); ++row) slots.push_back(static_cast<int>(held.integer(row, 0)));
  return slots;
}

void postgres_store::hand_to(std::shared_ptr<hand_over_target> to) { state_->taker.set(std::move(to)); }

void postgres_store::release_slots(const std::string& owner) { state_->hurry(pg::release_slots(owner)); }

// -- inbox, delayed messages, errors ----------------------------------------------------------------------------------

bool postgres_store::was_handled(const inbox_key& key) { return state_->looks.was_handled(key); }
int postgres_store::count_start(const inbox_key& key, int presumed) {
  return static_cast<int>(state_->bookkeep(pg::count_start(key, presumed)).integer(0, 0));
}
void postgres_store::take_back_start(const inbox_key& key) { state_->hurry(pg::take_back_start(key)); }
void postgres_store::forget_starts(const inbox_key& key) { state_->hurry(pg::forget_starts(key)); }

std::vector<delayed_message> postgres_store::claim_due(const due_request& request) {
  return pg::read_due(state_->bookkeep(pg::claim_due(request)));
}

void postgres_store::release_due(const std::string& token) { state_->hurry(pg::release_due(token)); }

std::optional<std::chrono::milliseconds> postgres_store::next_due() { return pg::read_next_due(state_->read(pg::next_due())); }

bool postgres_store::wait_behind(const delayed_message& row) { return state_->bookkeep(pg::queue_behind(row)).integer(0, 0) > 0; }

std::vector<waiting_message> postgres_store::list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) {
  return pg::read_delayed(state_->read(pg::list_delayed(filter, offset, limit)));
}

std::int64_t postgres_store::count_delayed(const delayed_filter& filter) { return state_->read(pg::count_delayed(filter)).integer(0, 0); }

job_list postgres_store::list_jobs() { return pg::read_jobs(state_->read(pg::list_jobs())); }

std::vector<error_record> postgres_store::list_errors(std::int64_t offset, std::int64_t limit) {
  return pg::read_errors(state_->read(pg::list_errors(offset, limit)));
}

std::optional<error_record> postgres_store::load_error(std::string_view id) {
  auto found = pg::read_errors(state_->read(pg::load_error(id)));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::int64_t postgres_store::count_errors() { return state_->read(pg::count_errors()).integer(0, 0); }

// -- upkeep -----------------------------------------------------------------------------------------------------------

bool postgres_store::clean(const retention& keep) {
  const auto ms = [](std::chrono::seconds span) { return std::chrono::milliseconds(span).count(); };
  const auto old = state_->read(pg::find_old_rows(ms(keep.inbox), ms(keep.sent), ms(keep.errors)));  // most rounds find none
  std::int64_t most = 0;
  // Each in a transaction of its own: none is long.
  const auto delete_when_old = [&](int column, pg::step deletes) {
    if (old.boolean(0, column)) most = std::max(most, state_->hurry(std::move(deletes)).affected());
  };
  delete_when_old(0, pg::clean_inbox(ms(keep.inbox), keep.batch));
  delete_when_old(1, pg::clean_starts(ms(keep.inbox), keep.batch));
  delete_when_old(2, pg::clean_archive(pg::settled::sent, ms(keep.sent), keep.batch));
  delete_when_old(3, pg::clean_archive(pg::settled::unroutable, ms(keep.errors), keep.batch));
  delete_when_old(4, pg::clean_errors(ms(keep.errors) * 1000, keep.batch));
  return most >= static_cast<std::int64_t>(keep.batch);
}

void postgres_store::on_commit(std::function<void(written_rows)> wake) {
  const std::lock_guard lock(state_->wake_guard);
  state_->on_commit = std::move(wake);
}

void postgres_store::check() {
  state_->read({.text = "select 1 from mamey_schema limit 1", .values = {}, .result = {}});
  // Locks nothing, and is refused as a write is: by a standby, and by a server that was set to read only.
  state_->bookkeep({.text = "select 1 from mamey_schema limit 0 for update", .values = {}, .result = {}});
}

postgres_statistics postgres_store::statistics() const {
  postgres_statistics all{.retried = state_->retried};
  for (const auto* each : state_->pools()) each->add_to(all);
  return all;
}

}  // namespace mamey::inline v1
