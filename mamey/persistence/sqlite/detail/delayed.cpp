#include <mamey/persistence/sqlite/detail/delayed.hpp>

#include <algorithm>

#include <mamey/core/uuid.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

/// Oldest first; those whose holder is alive are passed over.
const std::string& due_rows() {
  static const auto sql = "select id, subscription, attempts, delay_ms, first_failed_at_us, last_error, " + std::string(envelope_columns) +
                          " from mamey_delayed where due_at_ms <= ?1 and " + std::string(lease_is_over) + " order by due_at_ms, n limit ?2";
  return sql;
}

}  // namespace

void insert_delayed(connection& on, const delayed_message& row, std::int64_t now_ms) {
  static const auto sql =
      "insert or replace into mamey_delayed (id, subscription, attempts, due_at_ms, delay_ms, first_failed_at_us, last_error, " +
      std::string(envelope_columns) + ") values (?, ?, ?, ?, ?, ?, ?, " + std::string(envelope_parameters) + ")";
  const auto headers = headers_text(row.message);
  auto insert = on.use(sql);
  insert.bind(row.id).bind(row.subscription).bind(row.attempts).bind(now_ms + row.delay.count()).bind(row.delay.count());
  insert.bind(row.first_failed_at.time_since_epoch().count()).bind(row.last_error);
  bind_envelope(insert, row.message, headers);
  insert.run();
}

std::vector<store::due_message> claim_due(connection& on, std::size_t most, std::int64_t lease_ms, std::int64_t now_ms) {
  const auto token = uuid::v4().to_compact_string();
  std::vector<store::due_message> taken;
  {
    auto rows = on.use(due_rows());
    rows.bind(now_ms).bind(static_cast<std::int64_t>(most));
    while (rows.step()) {
      taken.push_back({.row = {.id = rows.text(0),
                               .subscription = rows.text(1),
                               .message = read_envelope(rows, 6),
                               .attempts = static_cast<int>(rows.integer(2)) + 1,
                               .delay = std::chrono::milliseconds(rows.integer(3)),
                               .first_failed_at = wall_time(std::chrono::microseconds(rows.integer(4))),
                               .last_error = rows.text(5)},
                       .token = token});
    }
  }
  auto mark = on.use("update mamey_delayed set attempts = attempts + 1, token = ?, claimed_until_ms = ?, lease_ms = ? where id = ?");
  for (const auto& each : taken) {
    mark.reset();
    mark.bind(token).bind(now_ms + lease_ms).bind(lease_ms).bind(each.row.id).run();
  }
  return taken;
}

void release_due(connection& on, const std::string& token) {
  on.use("update mamey_delayed set attempts = attempts - 1, token = null, claimed_until_ms = null where token = ?").bind(token).run();
}

void repair_due_times(connection& on, std::int64_t now_ms) {
  on.use("update mamey_delayed set due_at_ms = ?1 where due_at_ms - ?1 > delay_ms").bind(now_ms).run();
}

bool was_handled(connection& on, const inbox_key& key) {
  return on.use("select 1 from mamey_inbox where subscription = ? and message_id = ?").bind(key.subscription).bind(key.message_id).step();
}

int count_start(connection& on, const inbox_key& key, std::int64_t now_ms) {
  auto row = on.use(
      "insert into mamey_starts (subscription, message_id, starts, started_at_ms) values (?, ?, 1, ?) on conflict (subscription, "
      "message_id) do update set "
      "starts = starts + 1, started_at_ms = excluded.started_at_ms returning starts");
  row.bind(key.subscription).bind(key.message_id).bind(now_ms).step();
  const auto starts = static_cast<int>(row.integer(0));
  row.step();  // RETURNING: done only after its last row
  return starts;
}

void take_back_start(connection& on, const inbox_key& key) {
  on.use("update mamey_starts set starts = starts - 1 where subscription = ? and message_id = ? and starts > 0").bind(key.subscription).bind(key.message_id).run();
}

std::size_t clean_inbox(connection& on, std::int64_t before_ms, std::size_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  // Rows stand in the order of handling, so the oldest need no index of their own.
  const auto inbox = on.use("delete from mamey_inbox where n in (select n from mamey_inbox order by n limit ?) and handled_at_ms < ?")
                         .bind(limit)
                         .bind(before_ms)
                         .run();
  const auto starts = on.use(
                            "delete from mamey_starts where (subscription, message_id) in (select subscription, message_id from "
                            "mamey_starts where started_at_ms < ? limit ?)")
                          .bind(before_ms)
                          .bind(limit)
                          .run();
  return static_cast<std::size_t>(std::max(inbox, starts));
}

}  // namespace mamey::inline v1::sqlite_detail
