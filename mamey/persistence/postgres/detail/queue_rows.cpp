#include <mamey/persistence/postgres/detail/queue_rows.hpp>

#include <algorithm>

#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

step of(std::string text, parameters values) { return {.text = std::move(text), .values = std::move(values), .result = {}}; }

// $1 queue, $2 token, $3 lease, $4 most rows. Where rows are found, an index hands them out in their order and the search stops with the
// last row that is wanted, however long the queue: see `queue_plans`.

/// As for rows of the outbox: what lies further ahead than it did when it was given counts as past, and that is asked of the clock at that
/// moment.
constexpr std::string_view is_due = "(m.due_at_ms <= (select now from clock) or m.due_at_ms - mamey_now_ms() > m.delay_ms)";
constexpr std::string_view lease_is_over =
    "(m.claimed_until_ms <= (select now from clock) or m.claimed_until_ms - mamey_now_ms() > m.lease_ms)";

/// `suspect`: the first row whose lease ended without an outcome, while no other row with an earlier start is leased. It is looked for
/// among the first rows, where leased rows are: an index would cost more in every take.
const std::string& given() {
  static const auto sql =
      "with recursive clock as materialized (select mamey_now_ms() as now), here as materialized (select id from mamey_queues where name = "
      "$1), "
      "first_rows as materialized (select seq, starts, token, due_at_ms, delay_ms, claimed_until_ms, lease_ms from mamey_queue_messages "
      "where queue = "
      "(select id from here) order by seq limit 1000), suspect as materialized (select m.seq from first_rows m where m.token is not null "
      "and " +
      std::string(is_due) + " and " + std::string(lease_is_over) +
      " and not exists (select 1 from first_rows m where m.token is not null and m.starts > 1 and not " + std::string(lease_is_over) +
      ") order by m.seq limit 1)";
  return sql;
}

const std::string& is_free() {
  static const auto sql = std::string(is_due) + " and (m.token is null or (" + std::string(lease_is_over) +
                          " and (m.seq = (select seq from suspect) or m.seq > (select max(seq) from first_rows))))";
  return sql;
}

/// Nothing of the key stands before the row. A message that is out still stands there, and so does one that was given back.
constexpr std::string_view is_head =
    "(m.key = '' or not exists (select 1 from mamey_queue_messages p where p.queue = m.queue and p.key = m.key and p.key <> '' and p.seq < "
    "m.seq))";

/// `found`: SELECT of the rows, in their order.
std::string take_text(const std::string& found) {
  return given() + ", found as materialized (" + found +
         " limit $4::bigint for update of m skip locked) "
         "update mamey_queue_messages m set starts = m.starts + 1, token = $2, claimed_until_ms = (select now from clock) + $3::bigint, "
         "lease_ms = $3::bigint from found where m.seq = found.seq returning m.seq, m.starts, m.maybe_sent, " +
         envelope_columns_of("m.");
}

const std::string& unordered_text() {
  static const auto sql =
      take_text("select m.seq from mamey_queue_messages m where m.queue = (select id from here) and " + is_free() + " order by m.seq");
  return sql;
}

/// Heads among the first rows: finds them unless few keys have long queues.
const std::string& first_rows_text() {
  static const auto sql = take_text(
      "select m.seq from (select seq from mamey_queue_messages where queue = (select id from here) order by seq limit 1000) f "
      "join mamey_queue_messages m on m.seq = f.seq where " +
      is_free() + " and " + std::string(is_head) + " order by f.seq");
  return sql;
}

/// Heads by key: one step of the index a key, however long its queue.
const std::string& by_key_text() {
  static const auto sql = take_text(
      "with recursive keys (key) as (select min(key) from mamey_queue_messages where queue = (select id from here) and key <> '' union all "
      "select (select min(n.key) from mamey_queue_messages n where n.queue = (select id from here) and n.key > keys.key and n.key <> '') "
      "from "
      "keys where keys.key is not null), "
      "heads as materialized (select (select h.seq from mamey_queue_messages h where h.queue = (select id from here) and h.key = keys.key "
      "and "
      "h.key <> '' order by h.seq limit 1) as seq from keys where keys.key is not null union all select * from (select m.seq from "
      "mamey_queue_messages m where m.queue = (select id from here) and m.key = '' and " +
      is_free() +
      " order by m.seq limit 1000) unkeyed) "
      "select m.seq from heads join mamey_queue_messages m on m.seq = heads.seq where " +
      is_free() + " and " + std::string(is_head) + " order by m.seq");
  return sql;
}

/// Rows of several sequences are always locked in their order: two that mark the same rows do not wait for each other.
std::string locked(std::string_view condition) {
  return "with locked as materialized (select seq from mamey_queue_messages where seq = any($1::bigint[])" + std::string(condition) +
         " order by seq for update) ";
}

}  // namespace

step queue_plans() {
  return of(
      "select set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false), set_config('enable_sort', 'off', "
      "false), "
      "set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false), "
      "set_config('plan_cache_mode', 'force_generic_plan', false)",
      {});
}

// -- queues and bindings ----------------------------------------------------------------------------------------------

step declare_queue(const std::string& name) {
  return of(
      "insert into mamey_queues (name) select $1::text where not exists (select 1 from mamey_queues where name = $1::text) on conflict do "
      "nothing",
      std::move(parameters().add(name)));
}

step bind_queue(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  return of(
      "insert into mamey_queue_bindings (exchange, routing_key, queue) select $2::text, $3::text, id from mamey_queues where name = "
      "$1::text on "
      "conflict do nothing",
      std::move(parameters().add(queue).add(exchange).add(routing_key)));
}

step unbind_queue(const std::string& queue, const std::string& exchange, const std::string& routing_key) {
  return of(
      "delete from mamey_queue_bindings where exchange = $2 and routing_key = $3 and queue = (select id from mamey_queues where name = $1)",
      std::move(parameters().add(queue).add(exchange).add(routing_key)));
}

// -- publishing -------------------------------------------------------------------------------------------------------

step publish_message(const queue_publication& what) {
  static const auto sql = "insert into mamey_queue_messages (queue, due_at_ms, delay_ms, maybe_sent, " + std::string(envelope_columns) +
                          ") select b.queue, mamey_now_ms(), 0, $3::integer <> 0, " + envelope_parameters(4) +
                          " from mamey_queue_bindings b where b.exchange = $1 and b.routing_key = $2";
  parameters values;
  values.add(what.message.exchange).add(what.message.routing_key).add(what.maybe_sent ? 1 : 0);
  add_envelope(values, what.message);
  return of(sql, std::move(values));
}

step put_message(const std::string& queue, const envelope& message, std::int64_t delay_ms) {
  static const auto sql = "insert into mamey_queue_messages (queue, due_at_ms, delay_ms, " + std::string(envelope_columns) +
                          ") select q.id, mamey_now_ms() + $2::bigint, $2::bigint, " + envelope_parameters(3) +
                          " from mamey_queues q where q.name = $1";
  parameters values;
  values.add(queue).add(delay_ms);
  add_envelope(values, message);
  return of(sql, std::move(values));
}

// -- consuming --------------------------------------------------------------------------------------------------------

step take_messages(const std::string& queue, const std::string& token, std::size_t most, std::int64_t lease_ms, search how) {
  return of(how == search::unordered    ? unordered_text()
            : how == search::first_rows ? first_rows_text()
                                        : by_key_text(),
            std::move(parameters().add(queue).add(token).add(lease_ms).add(static_cast<std::int64_t>(most))));
}

step are_messages_beyond_the_first(const std::string& queue) {
  return of(
      "select exists (select 1 from mamey_queue_messages where queue = (select id from mamey_queues where name = $1) order by seq offset "
      "1000 limit 1)",
      std::move(parameters().add(queue)));
}

std::vector<queued_message> read_taken(const rows& found) {
  std::vector<queued_message> all;
  all.reserve(static_cast<std::size_t>(found.count()));
  for (int row = 0; row < found.count(); ++row) {
    all.push_back({.sequence = found.integer(row, 0),
                   .message = read_envelope(found, row, 3),
                   .starts = static_cast<int>(found.integer(row, 1)),
                   .maybe_sent = found.boolean(row, 2)});
  }
  std::ranges::sort(all, {}, &queued_message::sequence);  // RETURNING has no order
  return all;
}

step remove_messages(std::span<const std::int64_t> sequences) {
  static const auto sql = locked("") + "delete from mamey_queue_messages m using locked where m.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences)));
}

step give_back_messages(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t delay_ms, bool counted) {
  static const auto sql =
      locked(" and token = $2") +
      "update mamey_queue_messages m set starts = m.starts - $4::integer, due_at_ms = mamey_now_ms() + $3::bigint, delay_ms = "
      "$3::bigint, token = null, claimed_until_ms = null from locked where m.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences).add(token).add(delay_ms).add(counted ? 0 : 1)));
}

step renew_messages(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms) {
  static const auto sql =
      locked(" and token = $2") +
      "update mamey_queue_messages m set claimed_until_ms = mamey_now_ms() + $3::bigint, lease_ms = $3::bigint from locked "
      "where m.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences).add(token).add(lease_ms)));
}

step queue_depth(const std::string& queue) {
  return of("select count(*) from mamey_queue_messages where queue = (select id from mamey_queues where name = $1)",
            std::move(parameters().add(queue)));
}

step last_sequence() { return of("select coalesce(pg_sequence_last_value(pg_get_serial_sequence('mamey_queue_messages', 'seq')), 0)", {}); }

}  // namespace mamey::inline v1::postgres_detail
