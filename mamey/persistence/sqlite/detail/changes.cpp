#include <mamey/persistence/sqlite/detail/changes.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/expected_rows.hpp>
#include <mamey/persistence/sqlite/detail/delayed.hpp>
#include <mamey/persistence/sqlite/detail/error_store.hpp>
#include <mamey/persistence/sqlite/detail/job_rows.hpp>
#include <mamey/persistence/sqlite/detail/outbox.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

/// What a group may hold in memory and log: bodies, and a guess for the rest.
std::size_t size_of(const change_set& changes) {
  static constexpr std::size_t row = 256;
  std::size_t bytes = row;
  for (const auto& each : changes.documents) {
    bytes += row + each.content.body.size();
    if (!each.into->mapped) continue;
    for (const auto& value : each.content.columns) {
      if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    }
  }
  for (const auto& each : changes.statements) bytes += row + each.text.size();
  for (const auto& each : changes.outbox) bytes += row + each.body.size();
  for (const auto& each : changes.errors) bytes += row + each.message.body.size();
  for (const auto& each : changes.delayed) bytes += row + each.message.body.size();
  return bytes;
}

}  // namespace

bool insert_inbox(connection& on, const inbox_key& key, std::int64_t now_ms) {
  // A row without a tenant is an earlier release's, which knew none: it stands for every tenant's message.
  return on.use(
               "insert into mamey_inbox (subscription, message_id, tenant, handled_at_ms) select ?1, ?2, ?3, ?4 where ?3 = '' or not "
               "exists "
               "(select 1 from mamey_inbox where subscription = ?1 and message_id = ?2 and tenant is null) on conflict do nothing")
             .bind(key.subscription)
             .bind(key.message_id)
             .bind(key.tenant)
             .bind(now_ms)
             .run() == 1;
}

std::int64_t execute_statement(connection& on, const sql_statement& statement) {
  auto prepared = on.use(statement.text);
  if (static_cast<std::size_t>(prepared.parameters()) != statement.parameters.size()) {
    throw internal_error("sql_error", "{given} values for {wanted} parameters in \"{sql}\"", statement.parameters.size(),
                         prepared.parameters(), statement.text);
  }
  for (const auto& value : statement.parameters) prepared.bind(value);
  const auto changed = prepared.run();
  check_expected_rows(statement, changed);
  return changed;
}

void apply_changes(connection& on, const document_tables& tables, const change_set& changes, hand_over& handing, std::int64_t now_ms) {
  for (const auto& each : changes.documents) write_document(on, tables.at(*each.into), each);
  for (const auto& each : changes.statements) execute_statement(on, each);
  for (const auto& each : changes.outbox) insert_outbox(on, each, now_ms, handing);
  for (const auto& each : changes.finished_errors) on.use("delete from mamey_errors where id = ?").bind(each).run();
  for (const auto& each : changes.errors) insert_error(on, each);
  for (const auto& each : changes.cancelled_delayed) cancel_delayed(on, each);
  for (const auto& each : changes.finished_delayed) on.use("delete from mamey_delayed where id = ?").bind(each).run();
  for (const auto& each : changes.delayed) insert_delayed(on, each, now_ms);
  for (const auto& each : changes.jobs) write_job(on, each);
}

unit_job::unit_job(const change_set& changes, const document_tables& tables, const store_clock& clock, sqlite_environment::waiting how,
                   std::shared_ptr<hand_over_target> to)
    : job(how, durability::synced, size_of(changes)),
      changes_(&changes),
      tables_(&tables),
      clock_(&clock),
      wrote_(written_by(changes)),
      handing_(std::move(to), changes.outbox) {}

void unit_job::apply(connection& to) {
  outcome_ = commit_outcome::committed;  // applied again after a lost transaction
  handing_.start_over();
  const auto now = clock_->now_ms();
  if (changes_->inbox && !skips_inbox_ && !insert_inbox(to, *changes_->inbox, now)) {
    outcome_ = commit_outcome::already_handled;
    return;
  }
  apply_changes(to, *tables_, *changes_, handing_, now);
}

}  // namespace mamey::inline v1::sqlite_detail
