#include <mamey/persistence/expected_rows.hpp>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {

namespace {
const logger log{"mamey.persistence"};
}

void check_expected_rows(const sql_statement& statement, std::int64_t changed) {
  if (!statement.expected_rows || changed == *statement.expected_rows) return;
  log.info("{changed} rows changed, {expected} were expected, by \"{sql}\"", changed, *statement.expected_rows, statement.text);
  throw concurrency_conflict("concurrency_conflict", "{changed} rows changed, {expected} were expected", changed, *statement.expected_rows);
}

void throw_not_waiting(std::string_view id) {
  throw concurrency_conflict("delayed_message_taken",
                             "the delayed message {id} cannot be cancelled any more: it is being handled, or it is gone", id);
}

}  // namespace mamey::inline v1
