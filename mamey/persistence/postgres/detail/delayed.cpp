#include <mamey/persistence/postgres/detail/delayed.hpp>

#include <algorithm>
#include <numeric>

#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

// `attempts` is rounds and starts together, as the release before this one reads it.

const std::string& insert_text() {
  static const auto sql = [] {
    const std::string columns =
        "subscription, attempts, starts, due_at_ms, delay_ms, first_failed_at_us, waits_since_us, last_error, holds_key, " +
        std::string(envelope_columns);
    return "insert into mamey_delayed (id, " + columns +
           ") values ($1, $2, $3, $4, mamey_now_ms() + $5::bigint, $5::bigint, $6, $7, $8, $9::boolean, " + envelope_parameters(10) +
           ") on conflict (id) do update set token = null, claimed_until_ms = null, " +
           overwrite(columns);  // `n` stays: its place in its key
  }();
  return sql;
}

const std::string& queue_behind_text() {
  static const auto sql =
      "with ahead as materialized (select 1 from mamey_delayed where subscription = $2 and key = $3 and tenant = $4 and holds_key limit "
      "1), "
      "queued as (insert into mamey_delayed (id, subscription, attempts, due_at_ms, delay_ms, first_failed_at_us, last_error, holds_key, " +
      std::string(envelope_columns) + ") select $1, $2, 0, mamey_now_ms(), 0, 0, '', true, " + envelope_parameters(5) +
      " from ahead on conflict (id) do nothing) select count(*) from ahead";
  return sql;
}

constexpr std::string_view row_columns =
    "d.due_at_ms, d.n, d.id, d.subscription, d.attempts - d.starts, d.starts, d.delay_ms, d.first_failed_at_us, d.waits_since_us, "
    "d.last_error, d.holds_key, ";

/// What lies further ahead than it was put was put by a clock that has been set back since: it is due. As for rows of the outbox, the clock
/// is asked again for that: a row may have been claimed or put after `now` was read.
const std::string& claim_text() {
  static constexpr std::string_view is_due =
      "(d.due_at_ms <= now or (d.due_at_ms - d.delay_ms > now and d.due_at_ms - d.delay_ms > mamey_now_ms())) and "
      "split_part(d.subscription, '#', 1) <> "
      "all($4::text[]) and not (d.holds_key and exists (select 1 from mamey_delayed e where e.subscription = d.subscription and e.key = "
      "d.key and "
      "e.tenant = d.tenant and e.holds_key and e.n < d.n))";
  static constexpr std::string_view lease_is_over = "(d.claimed_until_ms <= now or d.claimed_until_ms - mamey_now_ms() > d.lease_ms)";
  static const auto sql =
      // The oldest row whose claim ended without an outcome: it may be tried now, while no other such row is claimed.
      "with clock as materialized (select mamey_now_ms() as now), suspect as materialized (select d.id from mamey_delayed d, clock where "
      "d.token is not "
      "null and " +
      std::string(lease_is_over) + " and " + std::string(is_due) +
      " and not exists (select 1 from mamey_delayed o where o.token is not null and o.starts > 1 and o.claimed_until_ms > now and "
      "o.claimed_until_ms - "
      "mamey_now_ms() <= o.lease_ms) order by d.due_at_ms, d.n limit 1), "
      "due as materialized (select d.id from mamey_delayed d, clock where " +
      std::string(is_due) + " and (d.token is null or (" + std::string(lease_is_over) +
      " and d.id in (select id from suspect))) order by d.due_at_ms, d.n limit $2::bigint for update of d skip locked) "
      "update mamey_delayed d set attempts = d.attempts + 1, starts = d.starts + 1, token = $1, claimed_until_ms = (select now from clock) "
      "+ $3::bigint, lease_ms "
      "= $3::bigint "
      "from due where d.id = due.id returning " +
      std::string(row_columns) + envelope_columns_of("d.");
  return sql;
}

}  // namespace

step insert_delayed(const delayed_message& row) {
  step made{.text = insert_text(), .values = {}, .result = {}};
  made.values.add(row.id).add(row.subscription).add(row.rounds + row.starts).add(row.starts).add(row.delay.count());
  made.values.add(unix_microseconds(row.first_failed_at)).add(unix_microseconds(row.waits_since)).add(row.last_error);
  made.values.add(row.holds_key ? "true" : "false");
  add_envelope(made.values, row.message);
  return made;
}

step queue_behind(const delayed_message& row) {
  step made{.text = queue_behind_text(), .values = {}, .result = {}};
  made.values.add(row.id).add(row.subscription).add(row.message.key).add(row.message.tenant);
  add_envelope(made.values, row.message);
  return made;
}

step finish_delayed(const std::string& id) {
  return {.text = "delete from mamey_delayed where id = $1", .values = std::move(parameters().add(id)), .result = {}};
}

step cancel_delayed(const std::string& id) {
  return {.text =
              "with changed as (delete from mamey_delayed where id = $1 and token is null returning 1) select mamey_expect(count(*), 1) "
              "from changed",
          .values = std::move(parameters().add(id)),
          .result = {}};
}

namespace {

constexpr std::string_view is_wanted =
    " from mamey_delayed d where ($1::text is null or d.id = $1) and ($2::text is null or d.type = $2) and ($3::text is null or d.key = "
    "$3) and ($4::text is null or d.tenant = $4)";

step wanted(std::string text, const delayed_filter& filter) {
  step made{.text = std::move(text), .values = {}, .result = {}};
  for (const auto* each : {&filter.id, &filter.type, &filter.key, &filter.tenant}) {
    if (*each)
      made.values.add(**each);
    else
      made.values.add_null();
  }
  return made;
}

constexpr int envelope_at = 11;

delayed_message read_row(const rows& found, int row) {
  const auto time = [&](int column) { return from_unix_microseconds(found.is_null(row, column) ? 0 : found.integer(row, column)); };
  return {.id = found.text(row, 2),
          .subscription = found.text(row, 3),
          .message = read_envelope(found, row, envelope_at),
          .rounds = static_cast<int>(found.integer(row, 4)),
          .starts = static_cast<int>(found.integer(row, 5)),
          .delay = std::chrono::milliseconds(found.integer(row, 6)),
          .first_failed_at = time(7),
          .waits_since = time(8),
          .last_error = found.text(row, 9),
          .holds_key = found.boolean(row, 10)};
}

}  // namespace

step list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) {
  static const auto sql = "select " + std::string(row_columns) + envelope_columns_of("d.") + ", d.token is not null" +
                          std::string(is_wanted) + " order by d.due_at_ms, d.n limit $5::bigint offset $6::bigint";
  auto made = wanted(sql, filter);
  made.values.add(std::max<std::int64_t>(limit, 0)).add(std::max<std::int64_t>(offset, 0));
  return made;
}

std::vector<waiting_message> read_delayed(const rows& found) {
  std::vector<waiting_message> all;
  for (int row = 0; row < found.count(); ++row) {
    all.push_back({.row = read_row(found, row),
                   .due = wall_time(std::chrono::milliseconds(found.integer(row, 0))),
                   .running = found.boolean(row, envelope_at + envelope_width)});
  }
  return all;
}

step count_delayed(const delayed_filter& filter) { return wanted("select count(*)" + std::string(is_wanted), filter); }

step claim_due(const due_request& request) {
  step made{.text = claim_text(), .values = {}, .result = {}};
  made.values.add(request.token).add(static_cast<std::int64_t>(request.most)).add(request.lease.count()).add_texts(request.except);
  return made;
}

std::vector<delayed_message> read_due(const rows& found) {
  std::vector<int> order(static_cast<std::size_t>(found.count()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int row) { return std::pair(found.integer(row, 0), found.integer(row, 1)); });  // RETURNING has no order
  std::vector<delayed_message> taken;
  taken.reserve(order.size());
  for (const int row : order) taken.push_back(read_row(found, row));
  return taken;
}

/// Each part by its index: however many rows wait, few are looked at. What stands behind another of its key is not due.
step next_due() {
  return {.text =
              "select least((select d.due_at_ms from mamey_delayed d where d.token is null and not (d.holds_key and exists (select 1 from "
              "mamey_delayed e where e.subscription = d.subscription and e.key = d.key and e.tenant = d.tenant and e.holds_key and e.n < "
              "d.n)) order by d.due_at_ms limit 1), "
              "(select min(case when claimed_until_ms - now > lease_ms then due_at_ms else greatest(due_at_ms, claimed_until_ms) end) from "
              "mamey_delayed where token is not null), "
              "(select now from mamey_delayed where due_at_ms - delay_ms > now limit 1)) - now "
              "from (select mamey_now_ms() as now offset 0) clock",
          .values = {},
          .result = {}};
}

std::optional<std::chrono::milliseconds> read_next_due(const rows& found) {
  if (found.is_null(0, 0)) return std::nullopt;
  return std::chrono::milliseconds(found.integer(0, 0));
}

step release_due(const std::string& token) {
  return {.text =
              "update mamey_delayed set attempts = attempts - 1, starts = greatest(starts - 1, 0), token = null, claimed_until_ms = null "
              "where token = $1",
          .values = std::move(parameters().add(token)),
          .result = {}};
}

}  // namespace mamey::inline v1::postgres_detail
