#include <mamey/persistence/postgres/detail/changes.hpp>

#include <algorithm>
#include <array>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/persistence/expected_rows.hpp>
#include <mamey/persistence/job_columns.hpp>
#include <mamey/persistence/postgres/detail/delayed.hpp>
#include <mamey/persistence/postgres/detail/error_store.hpp>
#include <mamey/persistence/postgres/detail/inbox.hpp>
#include <mamey/persistence/postgres/detail/job_rows.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>
#include <mamey/persistence/postgres/detail/placeholders.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

std::string first_word(std::string_view sql) {
  std::string word;
  for (const char each : sql) {
    if (is_ascii_letter(each))
      word += ascii_lower(each);
    else if (!word.empty() || !is_ascii_space(each))
      break;
  }
  return word;
}

/// Others share the connection: a transaction left open there would swallow theirs.
bool controls_transactions(std::string_view sql) {
  static constexpr std::array<std::string_view, 8> words{"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"};
  return std::ranges::find(words, first_word(without_leading_comments(sql))) != words.end();
}

}  // namespace

step plain_step(const sql_statement& statement, std::size_t most_bytes) {
  if (controls_transactions(statement.text))
    throw internal_error("sql_error", "\"{sql}\" runs in a transaction already: ask for mamey::transaction& instead", statement.text);
  auto numbered = number_placeholders(statement.text);
  if (numbered.parameters != statement.parameters.size()) {
    throw internal_error("sql_error", "{given} values for {wanted} parameters in \"{sql}\"", statement.parameters.size(),
                         numbered.parameters, statement.text);
  }
  step made{.text = std::move(numbered.text), .values = {}, .result = {}, .most_bytes = most_bytes};
  for (const auto& value : statement.parameters) made.values.add(value);
  return made;
}

std::int64_t checked_rows(const sql_statement& statement, const rows& result) {
  const auto changed = result.affected();
  check_expected_rows(statement, changed);
  return changed;
}

unit_steps::unit_steps(const change_set& changes, const document_tables& tables, inbox_row inbox, const hand_over_terms* terms)
    : changes_(&changes), tables_(&tables) {
  const auto add = [&](step made) { steps_.push_back(std::move(made)); };
  if (changes.inbox && inbox == inbox_row::to_insert) {
    has_inbox_ = true;
    add(insert_inbox(*changes.inbox));
  }
  documents_at_ = steps_.size();
  for (const auto& each : changes.documents) add(write_step(tables.at(*each.into), each));
  statements_at_ = steps_.size();
  for (const auto& each : changes.statements) add(plain_step(each));
  if (any_keyed(changes.outbox)) add(lock_keys(changes.outbox));
  outbox_at_ = steps_.size();
  for (const auto& each : changes.outbox) add(terms != nullptr ? insert_outbox(each, *terms) : insert_outbox(each));
  for (const auto& each : changes.finished_errors) add(finish_error(each));
  for (const auto& each : changes.errors) add(insert_error(each));
  cancelled_at_ = steps_.size();
  for (const auto& each : changes.cancelled_delayed) add(cancel_delayed(each));
  for (const auto& each : changes.finished_delayed) add(finish_delayed(each));
  for (const auto& each : changes.delayed) add(insert_delayed(each));
  jobs_at_ = steps_.size();
  for (const auto& each : changes.jobs) add(write_job(each));
}

bool unit_steps::checks_rows() const noexcept {
  return std::ranges::any_of(changes_->statements, [](const auto& each) { return each.expected_rows.has_value(); });
}

bool unit_steps::was_handled_already(const exchange& refused) const {
  return has_inbox_ && refused.failed && refused.error.state == "23505" && refused.error.constraint == inbox_constraint;
}

void unit_steps::throw_refusal(const exchange& refused, std::size_t first) const {
  const auto at = *refused.failed - std::min(first, *refused.failed);
  if (at >= documents_at_ && at < documents_at_ + changes_->documents.size()) {
    const auto& change = changes_->documents[at - documents_at_];
    const auto& table = tables_->at(*change.into);
    if (refused.error.state == unexpected_rows_state) table.throw_not_as_expected(change);
    if (refused.error.state == "23505") table.throw_taken(taken_columns(refused.error));
  }
  if (refused.error.state == unexpected_rows_state && at >= cancelled_at_ && at < cancelled_at_ + changes_->cancelled_delayed.size())
    throw_not_waiting(changes_->cancelled_delayed[at - cancelled_at_]);
  if (refused.error.state == unexpected_rows_state && at >= jobs_at_) throw_job_changed(changes_->jobs[at - jobs_at_]);
  throw_error(refused.error, refused.steps[*refused.failed].text);
}

void unit_steps::check_rows(exchange& answered, std::size_t first) const {
  for (std::size_t i = 0; i < changes_->statements.size(); ++i)
    checked_rows(changes_->statements[i], answered.result(first + statements_at_ + i));
}

void unit_steps::tell_inserted(exchange& answered, std::size_t first, hand_over& handing) const {
  if (handing.terms() == nullptr) return;
  for (std::size_t i = 0; i < changes_->outbox.size(); ++i) {
    const auto& row = answered.result(first + outbox_at_ + i);
    if (row.count() == 1) handing.inserted(row.integer(0, 0), row.boolean(0, 1), changes_->outbox[i]);
  }
}

}  // namespace mamey::inline v1::postgres_detail
