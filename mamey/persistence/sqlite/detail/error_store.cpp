#include <mamey/persistence/sqlite/detail/error_store.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <mamey/persistence/envelope_row.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

const std::string& select() {
  static const auto sql = "select " + std::string(error_columns) + std::string(envelope_columns) + " from mamey_errors ";
  return sql;
}

error_record read_error(const statement& row) { return error_record_of(stored_row{row}); }

}  // namespace

void insert_error(connection& on, const error_record& record) {
  static const auto sql = "insert or replace into mamey_errors (" + std::string(error_columns) + std::string(envelope_columns) +
                          ") values (?, ?, ?, ?, ?, ?, ?, ?, " + std::string(envelope_parameters) + ")";
  const auto headers = headers_text(record.message);
  auto row = on.use(sql);
  row.bind(record.id)
      .bind(record.key.subscription)
      .bind(record.key.message_id)
      .bind(record.error_code)
      .bind(record.error_reason)
      .bind(record.attempts);
  row.bind(unix_microseconds(record.first_failed_at)).bind(unix_microseconds(record.failed_at));
  bind_envelope(row, record.message, headers);
  row.run();
}

std::vector<error_record> list_errors(connection& on, std::int64_t offset, std::int64_t limit) {
  auto rows = on.use(select() + "order by failed_at_us desc, id limit ? offset ?");
  rows.bind(std::max<std::int64_t>(limit, 0)).bind(std::max<std::int64_t>(offset, 0));
  std::vector<error_record> found;
  while (rows.step()) found.push_back(read_error(rows));
  return found;
}

std::optional<error_record> load_error(connection& on, std::string_view id) {
  auto row = on.use(select() + "where id = ?");
  row.bind(id);
  if (!row.step()) return std::nullopt;
  return read_error(row);
}

std::int64_t count_errors(connection& on) {
  auto row = on.use("select count(*) from mamey_errors");
  row.step();
  return row.integer(0);
}

std::size_t clean_errors(connection& on, wall_time before, std::size_t most) {
  return static_cast<std::size_t>(
      on.use("delete from mamey_errors where id in (select id from mamey_errors where failed_at_us < ? order by failed_at_us limit ?)")
          .bind(unix_microseconds(before))
          .bind(static_cast<std::int64_t>(most))
          .run());
}

}  // namespace mamey::inline v1::sqlite_detail
