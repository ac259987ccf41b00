#include <mamey/persistence/postgres/detail/error_store.hpp>

#include <algorithm>
#include <utility>

#include <mamey/persistence/envelope_row.hpp>
#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const std::string& select() {
  static const auto sql = "select " + std::string(error_columns) + std::string(envelope_columns) + " from mamey_errors ";
  return sql;
}

const std::string& insert_text() {
  static const auto sql = [] {
    const auto all = std::string(error_columns) + std::string(envelope_columns);
    return "insert into mamey_errors (" + all + ") values ($1, $2, $3, $4, $5, $6, $7, $8, " + envelope_parameters(9) +
           ") on conflict (id) do update set " + overwrite(all);
  }();
  return sql;
}

}  // namespace

step insert_error(const error_record& record) {
  step made{.text = insert_text(), .values = {}, .result = {}};
  made.values.add(record.id)
      .add(record.key.subscription)
      .add(record.key.message_id)
      .add(record.error_code)
      .add(record.error_reason)
      .add(record.attempts);
  made.values.add(unix_microseconds(record.first_failed_at)).add(unix_microseconds(record.failed_at));
  add_envelope(made.values, record.message);
  return made;
}

step finish_error(const std::string& id) {
  return {.text = "delete from mamey_errors where id = $1", .values = std::move(parameters().add(id)), .result = {}};
}

step list_errors(std::int64_t offset, std::int64_t limit) {
  return {.text = select() + "order by failed_at_us desc, id limit $1::bigint offset $2::bigint",
          .values = std::move(parameters().add(std::max<std::int64_t>(limit, 0)).add(std::max<std::int64_t>(offset, 0))),
          .result = {}};
}

step load_error(std::string_view id) {
  return {.text = select() + "where id = $1", .values = std::move(parameters().add(id)), .result = {}};
}

std::vector<error_record> read_errors(const rows& found) {
  std::vector<error_record> all;
  for (int row = 0; row < found.count(); ++row) all.push_back(error_record_of(stored_row{found, row}));
  return all;
}

step count_errors() { return {.text = "select count(*) from mamey_errors", .values = {}, .result = {}}; }

step clean_errors(std::int64_t keep_us, std::size_t most) {
  return {.text =
              "delete from mamey_errors where ctid = any(array(select ctid from mamey_errors where failed_at_us < mamey_now_ms() * 1000 - "
              "$1::bigint "
              "order by failed_at_us limit $2::bigint for update skip locked))",
          .values = std::move(parameters().add(keep_us).add(static_cast<std::int64_t>(most))),
          .result = {}};
}

}  // namespace mamey::inline v1::postgres_detail
