#include <mamey/persistence/postgres/detail/errors.hpp>

#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/persistence/document_table.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

bool of_class(const server_error& refused, std::string_view two) { return refused.state.starts_with(two); }

}  // namespace

bool server_error::is_fatal() const noexcept {
  return state.empty() || state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" || state == "57P04" ||
         state == "57P05" || state == "25P03";
}

bool is_retryable(const server_error& refused) noexcept { return refused.state == "40001" || refused.state == "40P01"; }

bool is_stale_statement(const server_error& refused) noexcept {
  return refused.state == "26000" || refused.state == "42P05" || (refused.state == "0A000" && refused.routine == "RevalidateCachedQuery");
}

bool is_read_only(const server_error& refused) noexcept { return refused.state == "25006"; }

bool ended_idle(const server_error& refused) noexcept { return refused.state == "57P05"; }

std::vector<std::string> taken_columns(const server_error& refused) {
  // `Key (street, city)=(Long Lane 1, Bree) already exists.` in whatever language, names quoted where they must be.
  const auto end = refused.detail.find(")=("), begin = refused.detail.find('(');
  std::vector<std::string> columns;
  if (end == std::string::npos || begin >= end) return columns;
  std::string name;
  bool quoted = false;
  for (const char each : refused.detail.substr(begin + 1, end - begin - 1)) {
    if (each == '"') {
      quoted = !quoted;
    } else if (each == ',' && !quoted) {
      columns.push_back(std::exchange(name, {}));
    } else if (each != ' ' || quoted) {
      name += each;
    }
  }
  columns.push_back(std::move(name));
  return columns;
}

void throw_error(const server_error& refused, std::string_view sql) {
  const auto cause = refused.detail.empty() ? refused.message : refused.message + ": " + refused.detail;
  if (refused.state == "23505" || refused.state == "23P01")
    throw concurrency_conflict("already_exists", "{table}{columns} already taken", refused.table.empty() ? "" : refused.table + ": ",
                               names_of_taken(taken_columns(refused)));
  if (refused.state == "54000") throw conflict("value_too_big", "a value is too large for the database, or for an index that is on it");
  if (refused.state == "40001") throw concurrency_conflict("serialization_failure", "{cause}", cause);
  if (refused.state == "40P01") throw concurrency_conflict("deadlock", "{cause}", cause);
  if (refused.state == unexpected_rows_state) throw concurrency_conflict("concurrency_conflict", "{cause}", cause);
  if (refused.state == row_too_large_state) throw internal_error("result_too_large", "{cause}: \"{sql}\"", cause, sql);
  if (of_class(refused, "23")) throw conflict("constraint_violated", "{cause}", cause);
  if (of_class(refused, "22")) throw conflict("value_refused", "{cause}", cause);
  if (refused.state == "57014") throw deadline_exceeded("deadline_exceeded", "the statement was stopped: {cause}", cause);
  if (refused.state == "25P03") throw deadline_exceeded("transaction_expired", "the transaction has been rolled back: {cause}", cause);
  if (refused.state == "55P03")
    throw unavailable("database_busy", "somebody holds the lock that \"{sql}\" waited for: {cause}", sql, cause);
  if (refused.state == "53100") throw unavailable("disk_full", "the database server: {cause}", cause);
  if (is_read_only(refused)) throw unavailable("database_read_only", "{cause}", cause);
  if (refused.is_fatal() || of_class(refused, "53") || of_class(refused, "57") || of_class(refused, "58"))
    throw unavailable("database_unavailable", "the database server: {cause}", cause);
  throw internal_error("sql_error", "{state} {cause} in \"{sql}\"", refused.state, cause, sql);
}

}  // namespace mamey::inline v1::postgres_detail
