#include <mamey/persistence/postgres/detail/migrations.hpp>

#include <algorithm>
#include <iterator>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};

applied_migrations applied_to(connection& on, std::string_view component) {
  const auto found = run_statement(on, "select version, checksum from mamey_schema where component = $1", parameters().add(component));
  applied_migrations versions;
  for (int row = 0; row < found.count(); ++row) versions[found.integer(row, 0)] = found.integer(row, 1);
  return versions;
}

bool is_missing(connection& on, std::string_view component, const postgres_migration& step) {
  return mamey::is_missing(step, applied_to(on, component), name_of(step, component));
}

void apply_step(connection& on, std::string_view component, const postgres_migration& step) {
  const auto script = script_of(step, name_of(step, component));
  try {
    on.run_script(script);
    if (!on.in_transaction())
      throw internal_error("sql_error", "a migration must not contain BEGIN, COMMIT or ROLLBACK: it runs in a transaction already");
    run_statement(on, "insert into mamey_schema (component, version, name, checksum, applied_at) values ($1, $2, $3, $4, now())",
                  parameters().add(component).add(step.version).add(step.name).add(checksum_of(step)));
  } catch (const error& failure) {
    if (failure.kind() == error_kind::cancelled) throw;
    refuse_migration(name_of(step, component) + " failed and was rolled back: " + std::string(failure.reason()));
  }
}

}  // namespace

rows run_statement(connection& on, std::string text, parameters values) {
  std::vector<step> steps;
  steps.push_back({.text = std::move(text), .values = std::move(values), .result = {}});
  const auto work = make_exchange(std::move(steps));
  on.run(work);
  work->throw_if_failed();
  return std::move(work->result(0));
}

open_transaction::open_transaction(connection& on) : on_(&on) { run_statement(on, "begin"); }

open_transaction::~open_transaction() {
  if (on_ == nullptr || on_->retired()) return;
  try {
    const masked_section masked;
    run_statement(*on_, "rollback");
  } catch (...) {  // the connection is broken then, and with it the transaction
    log.debug("a transaction was not rolled back: {cause}", describe_current_exception().detail);
  }
}

void open_transaction::commit() {
  run_statement(*on_, "commit");
  on_ = nullptr;
}

namespace {

/// Waits for another process that prepares the same schema, for as long as its migrations run. `key`: an SQL expression.
void wait_in_line(connection& on, const std::string& key, parameters values) {
  // A statement of its own: the server takes the bound of a statement before it runs it. `transaction_timeout` came with PostgreSQL 17.
  run_statement(on, "select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'transaction_timeout')");
  const auto before = run_statement(on, "select current_setting('lock_timeout'), set_config('lock_timeout', '0', true)");
  run_statement(on, "select pg_advisory_xact_lock(" + key + ")", std::move(values));
  // A statement that waits for a table makes its users wait: there the bound of the role holds.
  run_statement(on, "select set_config('lock_timeout', $1, true)", parameters().add(before.text(0, 0)));
}

}  // namespace

void lock_schema(connection& on) { wait_in_line(on, "hashtextextended('mamey.schema.' || current_schema(), 0)", {}); }

namespace {

void make_history(connection& on, const std::string& schema) {
  // Before the schema is there it has no name to lock by.
  wait_in_line(on, "hashtextextended('mamey.schema.' || $1, 1)", std::move(parameters().add(schema)));
  // `if not exists` asks for the right to create even when nothing is to be created.
  if (!schema.empty() && run_statement(on, "select 1 from pg_namespace where nspname = $1", parameters().add(schema)).count() == 0)
    run_statement(on, "create schema " + quoted(schema));
  if (run_statement(on, "select to_regclass('mamey_schema')").is_null(0, 0))
    run_statement(on,
                  "create table mamey_schema (component text not null, version bigint not null, name text not null, checksum bigint not "
                  "null, applied_at timestamptz not null, primary key (component, version))");
}

std::vector<std::string> apply_missing(connection& on, std::string_view component, std::span<const postgres_migration> steps) {
  std::vector<std::string> missing;
  for (const auto& step : steps) {
    if (!is_missing(on, component, step)) continue;
    apply_step(on, component, step);
    missing.push_back(name_of(step, component));
  }
  return missing;
}

}  // namespace

void prepare_history(connection& on, const std::string& schema) {
  open_transaction whole(on);
  make_history(on, schema);
  whole.commit();
}

void migrate(connection& on, std::string_view component, std::span<const postgres_migration> steps) {
  for (const auto& step : steps) {
    // The look and the work are one transaction: of two processes that start together, one does it.
    open_transaction whole(on);
    lock_schema(on);
    if (!is_missing(on, component, step)) continue;
    apply_step(on, component, step);
    whole.commit();
    log.info("{migration} applied", name_of(step, component));
  }
}

std::vector<std::string> try_migrations(connection& on, const std::string& schema, std::span<const postgres_migration> own,
                                        std::span<const postgres_migration> service) {
  const open_transaction undone(on);
  make_history(on, schema);
  lock_schema(on);
  auto missing = apply_missing(on, "mamey", own);
  std::ranges::move(apply_missing(on, "service", service), std::back_inserter(missing));
  return missing;
}

}  // namespace mamey::inline v1::postgres_detail
