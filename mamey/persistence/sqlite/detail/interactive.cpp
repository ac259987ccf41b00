#include <mamey/persistence/sqlite/detail/interactive.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/changes.hpp>
#include <mamey/persistence/sqlite/detail/rows.hpp>

namespace mamey::inline v1::sqlite_detail {

std::optional<document> interactive_transaction::load(const collection& from, std::string_view id) {
  return session_->run([&table = tables_.at(from), id](connection& on) { return load_document(on, table, id); });
}

std::vector<document> interactive_transaction::find(const collection& in, const document_query& query) {
  return session_->run([&table = tables_.at(in), &query](connection& on) { return find_documents(on, table, query); });
}

std::int64_t interactive_transaction::count(const collection& in, std::span<const column_condition> where) {
  return session_->run([&table = tables_.at(in), where](connection& on) { return count_documents(on, table, where); });
}

void interactive_transaction::query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) {
  hand_out(
      session_->run([&statement, most = query_bytes_](connection& on) { return fetch_rows(on, statement, most, allowed::writing_too); }),
      each);
}

std::int64_t interactive_transaction::execute(const sql_statement& statement) {
  return session_->run([&statement](connection& on) { return execute_statement(on, statement); });
}

void interactive_transaction::commit(const change_set& changes) {
  const auto unit = std::make_shared<unit_job>(changes, tables_, clock_, wait_, taker_());
  if (has_inbox_row_) unit->skip_inbox();
  unit->commit_by([&] { session_->commit(unit); });
  if (unit->outcome() == commit_outcome::already_handled)
    throw conflict("already_handled", "message {id} was handled already", changes.inbox->message_id);
}

}  // namespace mamey::inline v1::sqlite_detail
