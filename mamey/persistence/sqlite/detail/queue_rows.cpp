#include <mamey/persistence/sqlite/detail/queue_rows.hpp>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include <mamey/core/uuid.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr std::int64_t looked_at = 1'000;

std::string text(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) all += part;
  return all;
}

// Parameters of every take: 1 now, 2 queue, 3 most rows; of ordered ones also 4 most rows looked at.

/// A row that is not leased, or the first row whose lease ended without an outcome, while no other row with an earlier start is leased.
const std::string& is_free() {
  static const auto sql = text(
      {"(token is null or seq = (select min(seq) from mamey_queue_messages where queue = ?2 and token is not null and ", is_due, " and ",
       lease_is_over, " and not exists (select 1 from mamey_queue_messages where queue = ?2 and token is not null and starts > 1 and not ",
       lease_is_over, ")))"});
  return sql;
}

const std::string& unordered_take() {
  static const auto sql = text({"select seq, starts, maybe_sent, ", envelope_columns, " from mamey_queue_messages where queue = ?2 and ",
                                is_due, " and ", is_free(), " order by seq limit ?3"});
  return sql;
}

/// Nothing of the key stands before the row. A message that is out still stands there, and so does one that was given back.
constexpr std::string_view is_head =
    "(m.key = '' or not exists (select 1 from mamey_queue_messages p where p.queue = m.queue and p.key = m.key and p.key <> '' and p.seq < "
    "m.seq))";

/// Heads among the first rows: finds them unless few keys have long queues.
const std::string& ordered_take() {
  static const auto sql = text({"select seq, starts, maybe_sent, ", envelope_columns,
                                " from (select * from mamey_queue_messages where queue = ?2 order by seq limit ?4) m where ", is_due,
                                " and ", is_free(), " and ", is_head, " limit ?3"});
  return sql;
}

/// Heads by key: one step of the index a key, however long its queue.
const std::string& ordered_take_by_key() {
  static const auto sql =
      text({"with recursive keys (key) as (select min(key) from mamey_queue_messages where queue = ?2 and key <> '' union all "
            "select (select min(n.key) from mamey_queue_messages n where n.queue = ?2 and n.key > keys.key and n.key <> '') from keys "
            "where keys.key is not null), "
            "heads (seq) as (select (select min(h.seq) from mamey_queue_messages h where h.queue = ?2 and h.key = keys.key and h.key <> "
            "'') from keys where keys.key is not null "
            "union all select * from (select seq from mamey_queue_messages where queue = ?2 and key = '' and ",
            is_due, " and ", is_free(),
            " order by seq limit ?4)) "
            "select seq, starts, maybe_sent, ",
            envelope_columns, " from mamey_queue_messages m where seq in (select seq from heads) and ", is_due, " and ", is_free(),
            " order by seq limit ?3"});
  return sql;
}

void read_messages(statement& rows, std::vector<queued_message>& into) {
  while (rows.step()) {
    into.push_back({.sequence = rows.integer(0),
                    .message = read_envelope(rows, 3),
                    .starts = static_cast<int>(rows.integer(1)) + 1,
                    .maybe_sent = rows.integer(2) != 0});
  }
}

std::vector<queued_message> find_messages(connection& on, std::int64_t queue, std::size_t most, bool ordered, std::int64_t now_ms) {
  const auto limit = static_cast<std::int64_t>(most);
  std::vector<queued_message> found;
  if (!ordered) {
    auto rows = on.use(unordered_take());
    rows.bind(now_ms).bind(queue).bind(limit);
    read_messages(rows, found);
    return found;
  }
  for (const auto* sql : {&ordered_take(), &ordered_take_by_key()}) {
    auto rows = on.use(*sql);
    rows.bind(now_ms).bind(queue).bind(limit).bind(looked_at);
    read_messages(rows, found);
    if (!found.empty()) break;
  }
  std::ranges::sort(found, {}, &queued_message::sequence);
  return found;
}

}  // namespace

// -- queues and bindings ----------------------------------------------------------------------------------------------

std::optional<std::int64_t> find_queue(connection& on, const std::string& name) {
  auto row = on.use("select id from mamey_queues where name = ?");
  row.bind(name);
  if (!row.step()) return std::nullopt;
  return row.integer(0);
}

std::int64_t declare_queue(connection& on, const std::string& name) {
  if (const auto known = find_queue(on, name)) return *known;
  on.use("insert into mamey_queues (name) values (?)").bind(name).run();
  return on.last_inserted();
}

void bind_queue(connection& on, std::int64_t queue, const std::string& exchange, const std::string& routing_key) {
  on.use("insert into mamey_queue_bindings (exchange, routing_key, queue) values (?, ?, ?) on conflict do nothing")
      .bind(exchange)
      .bind(routing_key)
      .bind(queue)
      .run();
}

void unbind_queue(connection& on, std::int64_t queue, const std::string& exchange, const std::string& routing_key) {
  on.use("delete from mamey_queue_bindings where exchange = ? and routing_key = ? and queue = ?")
      .bind(exchange)
      .bind(routing_key)
      .bind(queue)
      .run();
}

// -- publishing -------------------------------------------------------------------------------------------------------

void put_message(connection& on, std::int64_t queue, const queue_publication& what, std::int64_t delay_ms, std::int64_t now_ms) {
  static const auto sql = text({"insert into mamey_queue_messages (queue, due_at_ms, delay_ms, maybe_sent, ", envelope_columns,
                                ") values (?, ?, ?, ?, ", envelope_parameters, ")"});
  const auto headers = headers_text(what.message);
  auto row = on.use(sql);
  row.bind(queue).bind(now_ms + delay_ms).bind(delay_ms).bind(what.maybe_sent ? 1 : 0);
  bind_envelope(row, what.message, headers);
  row.run();
}

int publish_message(connection& on, const queue_publication& what, std::int64_t now_ms) {
  auto bound = on.use("select queue from mamey_queue_bindings where exchange = ? and routing_key = ?");
  bound.bind(what.message.exchange).bind(what.message.routing_key);
  int queues = 0;
  for (; bound.step(); ++queues) put_message(on, bound.integer(0), what, 0, now_ms);
  return queues;
}

// -- consuming --------------------------------------------------------------------------------------------------------

bool has_visible(connection& on, const std::string& queue, std::int64_t now_ms) {
  static const auto sql = text({"select 1 from mamey_queue_messages where queue = (select id from mamey_queues where name = ?2) and ",
                                is_due, " and ", lease_is_over, " limit 1"});
  return on.use(sql).bind(now_ms).bind(queue).step();
}

durable_queues::taken take_messages(connection& on, std::int64_t queue, std::size_t most, std::int64_t lease_ms, bool ordered,
                                    std::int64_t now_ms) {
  durable_queues::taken taken{.token = uuid::v4().to_compact_string(), .messages = find_messages(on, queue, most, ordered, now_ms)};
  auto mark = on.use("update mamey_queue_messages set starts = starts + 1, token = ?, claimed_until_ms = ?, lease_ms = ? where seq = ?");
  for (const auto& each : taken.messages) {
    mark.reset();
    mark.bind(taken.token).bind(now_ms + lease_ms).bind(lease_ms).bind(each.sequence).run();
  }
  return taken;
}

void remove_messages(connection& on, std::span<const std::int64_t> sequences) {
  auto row = on.use("delete from mamey_queue_messages where seq = ?");
  for (const auto sequence : sequences) {
    row.reset();
    row.bind(sequence).run();
  }
}

std::size_t give_back_messages(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t delay_ms,
                               bool counted, std::int64_t now_ms) {
  auto row = on.use(
      "update mamey_queue_messages set starts = starts - ?, due_at_ms = ?, delay_ms = ?, token = null, claimed_until_ms = null where seq = "
      "? and token = ?");
  std::int64_t applied = 0;
  for (const auto sequence : sequences) {
    row.reset();
    applied += row.bind(counted ? 0 : 1).bind(now_ms + delay_ms).bind(delay_ms).bind(sequence).bind(token).run();
  }
  return static_cast<std::size_t>(applied);
}

std::size_t renew_messages(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms,
                           std::int64_t now_ms) {
  auto row = on.use("update mamey_queue_messages set claimed_until_ms = ?, lease_ms = ? where seq = ? and token = ?");
  std::int64_t applied = 0;
  for (const auto sequence : sequences) {
    row.reset();
    applied += row.bind(now_ms + lease_ms).bind(lease_ms).bind(sequence).bind(token).run();
  }
  return static_cast<std::size_t>(applied);
}

std::int64_t queue_depth(connection& on, const std::string& queue) {
  auto row = on.use("select count(*) from mamey_queue_messages where queue = (select id from mamey_queues where name = ?)");
  row.bind(queue).step();
  return row.integer(0);
}

}  // namespace mamey::inline v1::sqlite_detail
