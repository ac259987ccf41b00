#include <mamey/persistence/sqlite/detail/migrations.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr const char* history_table =
    "create table if not exists mamey_schema (component text not null, version integer not null, name text not null, checksum integer not "
    "null, "
    "applied_at_ms integer not null, primary key (component, version)) without rowid";

applied_migrations applied_to(connection& on, std::string_view component) {
  auto rows = on.use("select version, checksum from mamey_schema where component = ?");
  rows.bind(component);
  applied_migrations found;
  while (rows.step()) found[rows.integer(0)] = rows.integer(1);
  return found;
}

std::string called(const connection& on, std::string_view component, const sql_migration& step) {
  return on.file() + ": " + name_of(step, component);
}

void apply_step(connection& on, std::string_view component, const sql_migration& step, const store_clock& clock) {
  const auto script = script_of(step, called(on, component, step));
  try {
    on.execute(script);
    if (on.autocommit())
      throw internal_error("sql_error", "a migration must not contain BEGIN, COMMIT or ROLLBACK: it runs in a transaction already");
    on.use("insert into mamey_schema (component, version, name, checksum, applied_at_ms) values (?, ?, ?, ?, ?)")
        .bind(component)
        .bind(step.version)
        .bind(step.name)
        .bind(checksum_of(step))
        .bind(clock.now_ms())
        .run();
    commit_transaction(on);
  } catch (const error& failure) {
    roll_back_if_open(on);
    refuse_migration(called(on, component, step) + " failed and was rolled back: " + std::string(failure.reason()));
  }
}

/// The look and the work are one transaction: of two processes that start together, one does it.
void apply_if_missing(connection& on, std::string_view component, const sql_migration& step, const store_clock& clock) {
  begin_transaction(on);
  const auto applied = applied_to(on, component);
  try {
    if (is_missing(step, applied, called(on, component, step))) return apply_step(on, component, step, clock);
  } catch (...) {  // rethrown: nothing stays open
    roll_back_if_open(on);
    throw;
  }
  roll_back_if_open(on);
}

}  // namespace

void migrate(connection& on, std::string_view component, std::span<const sql_migration> steps, const store_clock& clock) {
  on.execute(history_table);
  for (const auto& step : steps) apply_if_missing(on, component, step, clock);
}

}  // namespace mamey::inline v1::sqlite_detail
