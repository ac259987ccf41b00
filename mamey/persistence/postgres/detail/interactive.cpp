#include <mamey/persistence/postgres/detail/interactive.hpp>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/postgres/detail/inbox.hpp>
#include <mamey/persistence/postgres/detail/plain_query.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};

exchange_ptr one_statement(std::string text) {
  std::vector<step> steps;
  steps.push_back({.text = std::move(text), .values = {}, .result = {}});
  return make_exchange(std::move(steps));
}

}  // namespace

void run_commit(connection& on, const exchange_ptr& work, std::chrono::nanoseconds bound) {
  try {
    const masked_section masked(bound);
    const deadline_scope limit(bound);
    on.run(work);
  } catch (const error&) {
    throw commit_unknown("commit_unknown",
                         "the database has not answered a COMMIT in time: whether the unit of work was committed is unknown");
  }
  if (work->end == exchange::ending::lost && !work->failed)
    throw commit_unknown("commit_unknown", "whether the unit of work was committed is unknown: {cause}", work->trouble);
}

interactive_transaction::interactive_transaction(pool::lease on, const document_tables& tables, const interactive_settings& settings,
                                                 inbox_row inbox, surroundings around)
    : on_(std::move(on)),
      tables_(tables),
      settings_(settings),
      until_(deadline_after(settings.bound)),
      inbox_(inbox),
      around_(std::move(around)) {}

std::unique_ptr<interactive_transaction> interactive_transaction::begin(pool& from, const document_tables& tables,
                                                                        const std::optional<inbox_key>& inbox,
                                                                        const interactive_settings& settings, surroundings around) {
  for (int tries = 0;; ++tries) {
    auto leased = from.acquire();
    std::vector<step> steps;
    steps.push_back({.text = "begin", .values = {}, .result = {}});
    // The server ends it, too: a process that is frozen must not hold its locks for ever.
    const auto bound = std::to_string(std::max<std::int64_t>(settings.bound.count(), 1));
    steps.push_back(
        {.text = "select set_config('idle_in_transaction_session_timeout', $1, true), set_config('statement_timeout', $1, true)",
         .values = std::move(parameters().add(bound)),
         .result = {}});
    if (inbox) steps.push_back(enter_inbox(*inbox));
    const auto work = make_exchange(std::move(steps));
    leased->run(work);
    // A connection that had died while it lay idle has begun nothing.
    const bool broke = work->end != exchange::ending::answered ||
                       (work->failed && (work->error.is_fatal() || (is_read_only(work->error) && leased->retired())));
    if (broke && tries < 2) continue;
    std::unique_ptr<interactive_transaction> opened(new interactive_transaction(
        std::move(leased), tables, settings, inbox ? inbox_row::there_already : inbox_row::to_insert, std::move(around)));
    work->throw_if_failed();
    if (!inbox) return opened;
    if (!work->result(2).boolean(0, 0)) throw message_busy(*inbox);
    if (!work->result(2).boolean(0, 1)) return nullptr;
    return opened;
  }
}

void interactive_transaction::require_open() {
  if (phase_ == phase::over) throw internal_error("transaction_over", "the transaction has ended");
  if (steady_now() >= until_) {
    end();
    throw deadline_exceeded("transaction_expired", "the transaction was open for more than {bound} ms and has been rolled back",
                            settings_.bound.count());
  }
  if (phase_ == phase::failed)
    throw internal_error("transaction_failed",
                         "an earlier statement of the transaction failed: PostgreSQL runs no more in it, only its end");
}

step interactive_transaction::run(step one) {
  require_open();
  std::vector<step> steps;
  steps.push_back(std::move(one));
  const auto work = make_exchange(std::move(steps));
  phase_ = phase::failed;  // unless it succeeds
  {
    const deadline_scope bound(until_);
    on_->run(work);
  }
  work->throw_if_failed();
  phase_ = phase::open;
  return std::move(work->steps[0]);
}

/// For a destructor, which must not suspend: the server hears of it, nobody waits.
void interactive_transaction::end() noexcept {
  if (phase_ == phase::over) return;
  phase_ = phase::over;
  on_->post(one_statement("rollback"));
}

void interactive_transaction::rollback() noexcept {
  if (phase_ == phase::over) return;
  phase_ = phase::over;
  try {  // waits, so that its locks are gone when it returns
    const masked_section masked(settings_.answer_bound);
    const deadline_scope bound(settings_.answer_bound);
    on_->run(one_statement("rollback"));
  } catch (...) {  // the connection is given up then, and with it the transaction
    log.debug("a transaction was not rolled back in time: {cause}", describe_current_exception().detail);
  }
}

std::optional<document> interactive_transaction::load(const collection& from, std::string_view id) {
  auto found = read_documents(run(load_step(tables_.at(from), id)).result);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<document> interactive_transaction::find(const collection& in, const document_query& query) {
  return read_documents(run(find_step(tables_.at(in), query)).result);
}

std::int64_t interactive_transaction::count(const collection& in, std::span<const column_condition> where) {
  return run(count_step(tables_.at(in), where)).result.integer(0, 0);
}

void interactive_transaction::query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) {
  hand_out(run(plain_step(statement, settings_.query_bytes)), each);
}

std::int64_t interactive_transaction::execute(const sql_statement& statement) {
  return checked_rows(statement, run(plain_step(statement)).result);
}

void interactive_transaction::commit(const change_set& changes) {
  require_open();
  hand_over handing(around_.taker(), changes.outbox);
  unit_steps unit(changes, tables_, inbox_, handing.terms());
  const bool looks_first = unit.checks_rows();
  auto steps = unit.take();
  if (looks_first) {
    const auto work = make_exchange(std::move(steps));
    phase_ = phase::failed;
    {
      const deadline_scope bound(until_);
      on_->run(work);
    }
    if (work->failed) unit.throw_refusal(*work, 0);
    work->throw_if_failed();
    unit.check_rows(*work, 0);
    unit.tell_inserted(*work, 0, handing);
    steps.clear();
  }
  if (!on_->looks_alive()) {  // then no COMMIT will have been sent
    end();
    throw unavailable("connection_lost", "the connection of the transaction broke, and the transaction with it");
  }
  steps.push_back({.text = "commit", .values = {}, .result = {}});
  const auto work = make_exchange(std::move(steps));
  phase_ = phase::failed;
  run_commit(*on_, work, settings_.answer_bound);
  if (work->failed) unit.throw_refusal(*work, 0);
  work->throw_if_failed();
  phase_ = phase::over;
  if (!looks_first) unit.tell_inserted(*work, 0, handing);
  around_.wake(handing.committed(written_by(changes)));
}

}  // namespace mamey::inline v1::postgres_detail
