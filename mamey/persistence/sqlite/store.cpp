#include <mamey/persistence/sqlite/store.hpp>

#include <atomic>
#include <filesystem>

#include <mamey/core/error.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/sqlite/detail/changes.hpp>
#include <mamey/persistence/sqlite/detail/checked_options.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/collection_schema.hpp>
#include <mamey/persistence/sqlite/detail/collections.hpp>
#include <mamey/persistence/sqlite/detail/delayed.hpp>
#include <mamey/persistence/sqlite/detail/error_store.hpp>
#include <mamey/persistence/sqlite/detail/interactive.hpp>
#include <mamey/persistence/sqlite/detail/job_rows.hpp>
#include <mamey/persistence/sqlite/detail/mapped_tables.hpp>
#include <mamey/persistence/sqlite/detail/migrations.hpp>
#include <mamey/persistence/sqlite/detail/outbox.hpp>
#include <mamey/persistence/sqlite/detail/readers.hpp>
#include <mamey/persistence/sqlite/detail/rows.hpp>
#include <mamey/persistence/sqlite/detail/schema.hpp>
#include <mamey/persistence/sqlite/detail/sole_owner.hpp>
#include <mamey/persistence/sqlite/detail/writer.hpp>
#include <mamey/persistence/sqlite/metrics.hpp>

namespace mamey::inline v1 {

using sqlite_detail::connection;
using sqlite_detail::durability;

struct sqlite_store::state {
  state(const sqlite_options& given, sqlite_environment surroundings)
      : options(given), environment(std::move(surroundings)), clock(environment.clock), writer(options, environment), readers(options) {
    if (environment.metrics) shown = show_sqlite(*environment.metrics, [this] { return writer.statistics(); });
  }

  /// A read: on a snapshot, or where there is only one connection, in its turn.
  template <class Body>
  auto read(Body body) {
    return options.path == ":memory:" ? writer.run(durability::relaxed, std::move(body)) : readers.run(body);
  }
  std::int64_t repaired_now(connection& on);

  const sqlite_options options;
  const sqlite_environment environment;
  const sqlite_detail::store_clock clock;
  hand_over_slot taker;
  std::unique_ptr<sqlite_detail::presence_lock> presence;
  document_tables tables{sqlite_detail::dialect(environment.cuts_times)};
  std::int64_t latest_now_ms = 0;  ///< the writer's thread only
  sqlite_detail::writer writer;    ///< after what its thread uses
  sqlite_detail::reader_pool readers;
  std::vector<metrics::registration> shown;
};

/// The store's time. When the clock was set back since the last look, due times made by the faster clock are corrected first.
std::int64_t sqlite_store::state::repaired_now(connection& on) {
  static constexpr std::int64_t jitter = 1'000;
  const auto now = clock.now_ms();
  if (now + jitter < latest_now_ms || latest_now_ms == 0) sqlite_detail::repair_due_times(on, now);
  latest_now_ms = now;
  return now;
}

sqlite_store::sqlite_store(const sqlite_options& options, sqlite_environment environment)
    : state_(std::make_unique<state>(sqlite_detail::checked(options, environment), environment)) {}
sqlite_store::~sqlite_store() = default;

void sqlite_store::prepare(std::span<const collection* const> collections) {
  const auto steps = collect_migrations(state_->environment.migrations, state_->options.migrations);
  state_->writer.run_alone([&](connection& on) {
    sqlite_detail::migrate(on, "mamey", sqlite_detail::store_schema(), state_->clock);
    sqlite_detail::prepare_tables(on, collections);
    state_->tables.add(collections);
    sqlite_detail::migrate(on, "service", steps, state_->clock);
    sqlite_detail::check_mapped_tables(on, collections);
  });
  if (state_->presence) return;
  state_->presence = std::make_unique<sqlite_detail::presence_lock>(sqlite_file(state_->options));
  if (!state_->presence->came_first()) return;
  // The process that held leases here is dead: its claimed rows are free at once, not only when the leases end.
  state_->writer.run_alone([](connection& on) {
    on.execute(
        "update mamey_outbox set claimed_until_ms = 0 where token is not null; update mamey_delayed set claimed_until_ms = 0 where token "
        "is not null; "
        "update mamey_slots set claimed_until_ms = 0");
  });
  state_->presence->share();
}

// -- reads ------------------------------------------------------------------------------------------------------------

std::optional<document> sqlite_store::load(const collection& from, std::string_view id) {
  return state_->read([&table = state_->tables.at(from), id](connection& on) { return sqlite_detail::load_document(on, table, id); });
}

std::vector<document> sqlite_store::find(const collection& in, const document_query& query) {
  return state_->read([&table = state_->tables.at(in), &query](connection& on) { return sqlite_detail::find_documents(on, table, query); });
}

std::int64_t sqlite_store::count(const collection& in, std::span<const column_condition> where) {
  return state_->read([&table = state_->tables.at(in), where](connection& on) { return sqlite_detail::count_documents(on, table, where); });
}

bool sqlite_store::cuts_times() const noexcept { return state_->tables.cuts_times(); }

void sqlite_store::query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) {
  const auto most = static_cast<std::size_t>(state_->options.query_bytes);
  sqlite_detail::hand_out(state_->read([&statement, most](connection& on) {
    return sqlite_detail::fetch_rows(on, statement, most, sqlite_detail::allowed::reading);
  }),
                          each);
}

// -- units of work ----------------------------------------------------------------------------------------------------

commit_outcome sqlite_store::commit(const change_set& changes) {
  if (changes.empty()) return commit_outcome::committed;
  const auto unit =
      std::make_shared<sqlite_detail::unit_job>(changes, state_->tables, state_->clock, state_->environment.wait, state_->taker.current());
  unit->commit_by([&] { state_->writer.run(unit); });
  return unit->outcome();
}

std::unique_ptr<store_transaction> sqlite_store::begin(const std::optional<inbox_key>& inbox, std::chrono::milliseconds bound) {
  auto open = state_->writer.open_session(
      bound, [&](connection& on) { return !inbox || sqlite_detail::insert_inbox(on, *inbox, state_->clock.now_ms()); });
  if (!open) return nullptr;
  return std::make_unique<sqlite_detail::interactive_transaction>(std::move(open), state_->tables, state_->clock, state_->environment.wait,
                                                                  static_cast<std::size_t>(state_->options.query_bytes), inbox.has_value(),
                                                                  [this] { return state_->taker.current(); });
}

// -- outbox -----------------------------------------------------------------------------------------------------------
// Claims and failures are synced: a row that was never claimed has certainly not been sent, and refusals are counted. What a power cut
// takes of the others makes a row be sent again.

claim sqlite_store::claim_outbox(const claim_request& request) {
  return state_->writer.run(durability::synced,
                            [&](connection& on) { return sqlite_detail::claim_outbox(on, request, state_->clock.now_ms()); });
}

void sqlite_store::mark_sent(std::span<const std::int64_t> sequences) {
  if (sequences.empty()) return;
  const bool archives = state_->environment.sent == sent_rows::archive;
  state_->writer.run(durability::relaxed, [&](connection& on) {
    if (archives)
      sqlite_detail::archive_outbox(on, sequences, sqlite_detail::settled::sent, state_->clock.now_ms());
    else
      sqlite_detail::delete_outbox(on, sequences);
  });
}

void sqlite_store::mark_unroutable(std::span<const std::int64_t> sequences) {
  if (sequences.empty()) return;
  state_->writer.run(durability::relaxed, [&](connection& on) {
    sqlite_detail::archive_outbox(on, sequences, sqlite_detail::settled::unroutable, state_->clock.now_ms());
  });
}

std::size_t sqlite_store::renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) {
  return state_->writer.run(durability::relaxed, [&](connection& on) {
    return sqlite_detail::renew_outbox(on, token, sequences, lease.count(), state_->clock.now_ms());
  });
}

std::size_t sqlite_store::release_outbox(const std::string& token, std::span<const std::int64_t> sequences) {
  return state_->writer.run(durability::relaxed, [&](connection& on) { return sqlite_detail::release_outbox(on, token, sequences); });
}

std::size_t sqlite_store::fail_outbox(const std::string& token, std::span<const outbox_failure> failures) {
  return state_->writer.run(durability::synced,
                            [&](connection& on) { return sqlite_detail::fail_outbox(on, token, failures, state_->clock.now_ms()); });
}

outbox_state sqlite_store::read_outbox_state() {
  return state_->read([now = state_->clock.now_ms()](connection& on) { return sqlite_detail::read_outbox_state(on, now); });
}

std::vector<message_aside> sqlite_store::list_aside(set_aside which, std::int64_t offset, std::int64_t limit) {
  return state_->read([=](connection& on) { return sqlite_detail::list_aside(on, which, offset, limit); });
}

std::size_t sqlite_store::resend_outbox(std::span<const std::int64_t> sequences) {
  const auto resent = state_->writer.run(
      durability::synced, [&](connection& on) { return sqlite_detail::resend_outbox(on, sequences, state_->clock.now_ms()); });
  if (resent > 0) state_->writer.wake({.outbox = true});
  return resent;
}

std::vector<int> sqlite_store::lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) {
  return state_->writer.run(durability::relaxed, [&](connection& on) {
    return sqlite_detail::lease_slots(on, owner, most, lease.count(), state_->clock.now_ms());
  });
}

void sqlite_store::hand_to(std::shared_ptr<hand_over_target> to) { state_->taker.set(std::move(to)); }

void sqlite_store::release_slots(const std::string& owner) {
  state_->writer.run(durability::relaxed, [&](connection& on) { sqlite_detail::release_slots(on, owner); });
}

// -- inbox, delayed messages, errors ----------------------------------------------------------------------------------

bool sqlite_store::was_handled(const inbox_key& key) {
  return state_->read([&](connection& on) { return sqlite_detail::was_handled(on, key); });
}

int sqlite_store::count_start(const inbox_key& key, int presumed) {
  return state_->writer.run(durability::synced,
                            [&](connection& on) { return sqlite_detail::count_start(on, key, presumed, state_->clock.now_ms()); });
}

void sqlite_store::take_back_start(const inbox_key& key) {
  state_->writer.run(durability::relaxed, [&](connection& on) { sqlite_detail::take_back_start(on, key); });
}

void sqlite_store::forget_starts(const inbox_key& key) {
  state_->writer.run(durability::relaxed, [&](connection& on) { sqlite_detail::forget_starts(on, key); });
}

std::vector<delayed_message> sqlite_store::claim_due(const due_request& request) {
  return state_->writer.run(durability::synced,
                            [&](connection& on) { return sqlite_detail::claim_due(on, request, state_->repaired_now(on)); });
}

void sqlite_store::release_due(const std::string& token) {
  state_->writer.run(durability::relaxed, [&](connection& on) { sqlite_detail::release_due(on, token); });
}

std::optional<std::chrono::milliseconds> sqlite_store::next_due() {
  return state_->read([now = state_->clock.now_ms()](connection& on) { return sqlite_detail::next_due(on, now); });
}

bool sqlite_store::wait_behind(const delayed_message& row) {
  // Hardly ever is a key held: the writer is asked only then.
  if (!state_->read([&](connection& on) { return sqlite_detail::is_key_held(on, row); })) return false;
  return state_->writer.run(durability::synced,
                            [&](connection& on) { return sqlite_detail::queue_behind(on, row, state_->clock.now_ms()); });
}

std::vector<waiting_message> sqlite_store::list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) {
  return state_->read([&](connection& on) { return sqlite_detail::list_delayed(on, filter, offset, limit); });
}

std::int64_t sqlite_store::count_delayed(const delayed_filter& filter) {
  return state_->read([&](connection& on) { return sqlite_detail::count_delayed(on, filter); });
}

job_list sqlite_store::list_jobs() {
  return {.now = state_->clock.now(), .rows = state_->read([](connection& on) { return sqlite_detail::list_jobs(on); })};
}

std::vector<error_record> sqlite_store::list_errors(std::int64_t offset, std::int64_t limit) {
  return state_->read([=](connection& on) { return sqlite_detail::list_errors(on, offset, limit); });
}

std::optional<error_record> sqlite_store::load_error(std::string_view id) {
  return state_->read([=](connection& on) { return sqlite_detail::load_error(on, id); });
}

std::int64_t sqlite_store::count_errors() {
  return state_->read([](connection& on) { return sqlite_detail::count_errors(on); });
}

// -- upkeep -----------------------------------------------------------------------------------------------------------

bool sqlite_store::clean(const retention& keep) {
  return state_->writer.run(durability::relaxed, [&](connection& on) {
    using namespace sqlite_detail;
    const auto now = state_->clock.now();
    const auto before = [&](std::chrono::seconds span) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(saturating_add(now, -span).time_since_epoch()).count();
    };
    const auto most =
        std::max({clean_inbox(on, before(keep.inbox), keep.batch), clean_archive(on, settled::sent, before(keep.sent), keep.batch),
                  clean_archive(on, settled::unroutable, before(keep.errors), keep.batch),
                  clean_errors(on, saturating_add(now, -keep.errors), keep.batch)});
    return most >= keep.batch;
  });
}

void sqlite_store::on_commit(std::function<void(written_rows)> wake) { state_->writer.on_commit(std::move(wake)); }

void sqlite_store::check() {
  try {
    state_->writer.check();
  } catch (const error& failure) {
    if (failure.code() == "disk_nearly_full") throw;
    // It may have been a moment's: only a write can tell, and only one that changes something.
    state_->writer.run(durability::synced, [](connection& on) {
      on.use("insert into mamey_probe (n, writes) values (1, 1) on conflict (n) do update set writes = writes + 1").run();
    });
  }
  state_->writer.refuse_if_replaced();
  state_->read([](connection& on) {
    sqlite_detail::check_first_page(on.handle(), on.file());
    return on.use("select 1 from mamey_schema").step();
  });
}

sqlite_statistics sqlite_store::statistics() const { return state_->writer.statistics(); }

}  // namespace mamey::inline v1
