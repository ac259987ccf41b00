#include <mamey/persistence/sqlite/detail/delayed.hpp>

#include <algorithm>

#include <mamey/core/json.hpp>
#include <mamey/persistence/expected_rows.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

// `attempts` is rounds and starts together, as the release before this one reads it.

/// `?2`: the handlers whose rows stay. What stands behind another of its key stays, too.
constexpr std::string_view is_asked_for =
    "case when instr(subscription, '#') > 0 then substr(subscription, 1, instr(subscription, '#') - 1) else subscription end not in "
    "(select value from "
    "json_each(?2)) and not (holds_key and exists (select 1 from mamey_delayed e where e.subscription = mamey_delayed.subscription and "
    "e.key = "
    "mamey_delayed.key and e.tenant = mamey_delayed.tenant and e.holds_key and e.n < mamey_delayed.n))";

/// The oldest row whose claim ended without an outcome: it may be tried now, while no other such row is claimed.
const std::string& suspect() {
  static const auto sql = "(select n from mamey_delayed where token is not null and due_at_ms <= ?1 and " + std::string(lease_is_over) +
                          " and " + std::string(is_asked_for) +
                          " and not exists (select 1 from mamey_delayed where token is not null and starts > 1 and not " +
                          std::string(lease_is_over) + ") order by due_at_ms, n limit 1)";
  return sql;
}

/// Oldest first; those whose holder is alive are passed over.
const std::string& due_rows() {
  static const auto sql =
      "select id, subscription, attempts - starts, starts, delay_ms, first_failed_at_us, waits_since_us, last_error, holds_key, " +
      std::string(envelope_columns) + " from mamey_delayed where due_at_ms <= ?1 and (token is null or n = " + suspect() + ") and " +
      std::string(is_asked_for) + " order by due_at_ms, n limit ?3";
  return sql;
}

constexpr int envelope_at = 9;

delayed_message read_row(const statement& row) {
  const auto time = [&](int column) { return from_unix_microseconds(row.is_null(column) ? 0 : row.integer(column)); };
  return {.id = row.text(0),
          .subscription = row.text(1),
          .message = read_envelope(row, envelope_at),
          .rounds = static_cast<int>(row.integer(2)),
          .starts = static_cast<int>(row.integer(3)),
          .delay = std::chrono::milliseconds(row.integer(4)),
          .first_failed_at = time(5),
          .waits_since = time(6),
          .last_error = row.text(7),
          .holds_key = row.integer(8) != 0};
}

}  // namespace

void insert_delayed(connection& on, const delayed_message& row, std::int64_t now_ms) {
  static const auto sql =  // `n` stays: its place in its key
      "insert or replace into mamey_delayed (n, id, subscription, attempts, starts, due_at_ms, delay_ms, first_failed_at_us, "
      "waits_since_us, last_error, "
      "holds_key, " +
      std::string(envelope_columns) + ") values ((select n from mamey_delayed where id = ?1), ?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, " +
      std::string(envelope_parameters) + ")";
  const auto headers = headers_text(row.message);
  auto insert = on.use(sql);
  insert.bind(row.id).bind(row.subscription).bind(row.rounds + row.starts).bind(row.starts);
  insert.bind(now_ms + row.delay.count()).bind(row.delay.count());
  insert.bind(unix_microseconds(row.first_failed_at)).bind(unix_microseconds(row.waits_since)).bind(row.last_error);
  insert.bind(std::int64_t{row.holds_key});
  bind_envelope(insert, row.message, headers);
  insert.run();
}

std::vector<delayed_message> claim_due(connection& on, const due_request& request, std::int64_t now_ms) {
  std::vector<delayed_message> taken;
  {
    const auto except = json::to_string(request.except, {.unwritable = json::unwritable::replace});
    auto rows = on.use(due_rows());
    rows.bind(now_ms).bind(except).bind(static_cast<std::int64_t>(request.most));
    while (rows.step()) taken.push_back(read_row(rows));
    for (auto& each : taken) ++each.starts;
  }
  const auto lease_ms = request.lease.count();
  auto mark = on.use(
      "update mamey_delayed set attempts = attempts + 1, starts = starts + 1, token = ?, claimed_until_ms = ?, lease_ms = ? where id = ?");
  for (const auto& each : taken) {
    mark.reset();
    mark.bind(request.token).bind(now_ms + lease_ms).bind(lease_ms).bind(each.id).run();
  }
  return taken;
}

bool is_key_held(connection& on, const delayed_message& row) {
  auto held = on.use("select 1 from mamey_delayed where subscription = ? and key = ? and tenant = ? and holds_key limit 1");
  return held.bind(row.subscription).bind(row.message.key).bind(row.message.tenant).step();
}

bool queue_behind(connection& on, const delayed_message& row, std::int64_t now_ms) {
  if (!is_key_held(on, row)) return false;
  if (!on.use("select 1 from mamey_delayed where id = ?").bind(row.id).step()) insert_delayed(on, row, now_ms);
  return true;
}

std::optional<std::chrono::milliseconds> next_due(connection& on, std::int64_t now_ms) {
  // Each by its index: however many rows wait, few are looked at. What stands behind another of its key is not due.
  auto row = on.use(
      "select min(at) from (select * from (select due_at_ms as at from mamey_delayed where token is null and not (holds_key and exists "
      "(select 1 from mamey_delayed e where e.subscription = mamey_delayed.subscription and e.key = mamey_delayed.key and e.tenant = "
      "mamey_delayed.tenant and e.holds_key and e.n < mamey_delayed.n)) order by due_at_ms limit 1) "
      "union all select min(max(due_at_ms, claimed_until_ms)) from mamey_delayed where token is not null)");
  if (!row.step() || row.is_null(0)) return std::nullopt;
  return std::chrono::milliseconds(row.integer(0) - now_ms);
}

namespace {

constexpr std::string_view is_wanted =
    " from mamey_delayed where (?1 is null or id = ?1) and (?2 is null or type = ?2) and (?3 is null or key = ?3) and (?4 is null or "
    "tenant = ?4)";

statement& bind_filter(statement& to, const delayed_filter& filter) {
  for (const auto* each : {&filter.id, &filter.type, &filter.key, &filter.tenant}) {
    if (*each)
      to.bind(**each);
    else
      to.bind_null();
  }
  return to;
}

}  // namespace

std::vector<waiting_message> list_delayed(connection& on, const delayed_filter& filter, std::int64_t offset, std::int64_t limit) {
  static const auto sql =
      "select id, subscription, attempts - starts, starts, delay_ms, first_failed_at_us, waits_since_us, last_error, holds_key, " +
      std::string(envelope_columns) + ", due_at_ms, token is not null" + std::string(is_wanted) +
      " order by due_at_ms, n limit ?5 offset ?6";
  std::vector<waiting_message> all;
  auto found = on.use(sql);
  bind_filter(found, filter).bind(std::max<std::int64_t>(limit, 0)).bind(std::max<std::int64_t>(offset, 0));
  while (found.step()) {
    auto& row = all.emplace_back(waiting_message{.row = read_row(found), .due = {}});
    row.due = wall_time(std::chrono::milliseconds(found.integer(envelope_at + envelope_width)));
    row.running = found.integer(envelope_at + envelope_width + 1) != 0;
  }
  return all;
}

std::int64_t count_delayed(connection& on, const delayed_filter& filter) {
  static const auto sql = "select count(*)" + std::string(is_wanted);
  auto found = on.use(sql);
  bind_filter(found, filter).step();
  return found.integer(0);
}

void cancel_delayed(connection& on, const std::string& id) {
  if (on.use("delete from mamey_delayed where id = ? and token is null").bind(id).run() != 1) throw_not_waiting(id);
}

void release_due(connection& on, const std::string& token) {
  on.use(
        "update mamey_delayed set attempts = attempts - 1, starts = max(starts - 1, 0), token = null, claimed_until_ms = null where token "
        "= ?")
      .bind(token)
      .run();
}

void repair_due_times(connection& on, std::int64_t now_ms) {
  on.use("update mamey_delayed set due_at_ms = ?1 where due_at_ms - ?1 > delay_ms").bind(now_ms).run();
}

bool was_handled(connection& on, const inbox_key& key) {
  // A row without a tenant is an earlier release's, which knew none: it stands for every tenant's message.
  return on.use("select 1 from mamey_inbox where subscription = ? and message_id = ? and (tenant = ? or tenant is null)")
      .bind(key.subscription)
      .bind(key.message_id)
      .bind(key.tenant)
      .step();
}

int count_start(connection& on, const inbox_key& key, int presumed, std::int64_t now_ms) {
  auto row = on.use(
      "insert into mamey_handling_starts (subscription, message_id, tenant, starts, started_at_ms) values (?, ?, ?, ?, ?) on conflict "
      "(subscription, "
      "message_id, tenant) do update set starts = starts + 1, started_at_ms = excluded.started_at_ms returning starts");
  row.bind(key.subscription).bind(key.message_id).bind(key.tenant).bind(presumed + 1).bind(now_ms).step();
  const auto starts = static_cast<int>(row.integer(0));
  row.step();  // RETURNING: done only after its last row
  return starts;
}

void take_back_start(connection& on, const inbox_key& key) {
  on.use("update mamey_handling_starts set starts = starts - 1 where subscription = ? and message_id = ? and tenant = ? and starts > 0")
      .bind(key.subscription)
      .bind(key.message_id)
      .bind(key.tenant)
      .run();
}

void forget_starts(connection& on, const inbox_key& key) {
  on.use("update mamey_handling_starts set starts = 0 where subscription = ? and message_id = ? and tenant = ?")
      .bind(key.subscription)
      .bind(key.message_id)
      .bind(key.tenant)
      .run();
}

std::size_t clean_inbox(connection& on, std::int64_t before_ms, std::size_t most) {
  const auto limit = static_cast<std::int64_t>(most);
  // Rows stand in the order of handling, so the oldest need no index of their own.
  const auto inbox = on.use("delete from mamey_inbox where n in (select n from mamey_inbox order by n limit ?) and handled_at_ms < ?")
                         .bind(limit)
                         .bind(before_ms)
                         .run();
  const auto starts =
      on.use(
            "delete from mamey_handling_starts where (subscription, message_id, tenant) in (select subscription, message_id, tenant "
            "from mamey_handling_starts where started_at_ms < ? limit ?)")
          .bind(before_ms)
          .bind(limit)
          .run();
  return static_cast<std::size_t>(std::max(inbox, starts));
}

}  // namespace mamey::inline v1::sqlite_detail
