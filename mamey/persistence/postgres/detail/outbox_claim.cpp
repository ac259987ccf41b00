#include <algorithm>

#include <mamey/persistence/postgres/detail/envelope_columns.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

// $1 token, $2 lease, $3 most rows, $4 most bytes; of ordered claims also $5 owner, $6 whether a parked message blocks its key.
// `now` is the database's clock, read once.

/// A lease or next attempt that lies further ahead than it did when it was given was given by a clock that has been set back since: it
/// counts as past. That is asked of the clock at that moment: a row that another claim took after this one read `now` is looked at again
/// once it is locked, and its lease began after `now`.
constexpr std::string_view is_free =
    "o.state = 0 and (o.due_at_ms <= now or o.due_at_ms - mamey_now_ms() > o.delay_ms) and "
    "(o.token is null or o.claimed_until_ms <= now or o.claimed_until_ms - mamey_now_ms() > o.lease_ms)";

/// A key's turn: its slot is leased, and nothing of the key stands before the row, but for parked rows where they do not block.
constexpr std::string_view is_head =
    "(o.key = '' or (o.slot in (select s.slot from mamey_slots s where s.owner = $5 and s.claimed_until_ms > now and s.claimed_until_ms - "
    "now <= "
    "s.lease_ms) and not exists (select 1 from mamey_outbox p where p.key = o.key and p.key <> '' and p.seq < o.seq and ($6::boolean or "
    "p.state = 0))))";

constexpr std::string_view is_behind_parked =
    "exists (select 1 from mamey_outbox p where p.key = o.key and p.key <> '' and p.seq < o.seq and p.state = 1)";

constexpr std::string_view is_followed = "exists (select 1 from mamey_outbox f where f.key = o.key and f.key <> '' and f.seq > o.seq)";

constexpr std::string_view lock_rows = " order by o.seq limit $3::bigint for update of o skip locked";

/// The rows that `found` locks, up to the one that reaches the bound on bytes, become the claim's.
std::string claim_text(const std::string& found, std::string_view behind_parked, std::string_view followed) {
  return "with recursive clock as materialized (select mamey_now_ms() as now)" + found +
         ", bounded as materialized (select seq from (select seq, sum(size) over (order by seq) - size as before from found) each where "
         "before < $4::bigint) "
         "update mamey_outbox o set maybe_sent = o.maybe_sent or o.token is not null, token = $1, claimed_until_ms = (select now from "
         "clock) + $2::bigint, "
         "lease_ms = $2::bigint from bounded where o.seq = bounded.seq returning o.seq, o.attempts, o.maybe_sent, " +
         std::string(behind_parked) + ", " + std::string(followed) + ", " + envelope_columns_of("o.");
}

std::string found_rows(const std::string& source, const std::string& condition) {
  return ", found as materialized (select o.seq, coalesce(length(o.body), 0)::bigint as size from " + source + " where " + condition +
         std::string(lock_rows) + ")";
}

const std::string& unordered_text() {
  static const auto sql = claim_text(found_rows("mamey_outbox o, clock", std::string(is_free)), "false", "false");
  return sql;
}

/// Heads among the first rows: finds them unless few keys have long queues.
const std::string& first_rows_text() {
  static const auto sql = claim_text(", first_rows as materialized (select seq from mamey_outbox where state = 0 order by seq limit 1000)" +
                                         found_rows("mamey_outbox o, clock", "o.seq in (select seq from first_rows) and " +
                                                                                 std::string(is_free) + " and " + std::string(is_head)),
                                     is_behind_parked, is_followed);
  return sql;
}

/// Heads by key: one step of the index a key, however long its queue.
const std::string& by_key_text() {
  static const auto sql = claim_text(
      ", keys (key) as (select min(key) from mamey_outbox where key <> '' union all "
      "select (select min(m.key) from mamey_outbox m where m.key > keys.key and m.key <> '') from keys where keys.key is not null), "
      "heads as materialized (select (select h.seq from mamey_outbox h where h.key = keys.key and h.key <> '' and ($6::boolean or h.state "
      "= 0) "
      "order by h.seq limit 1) as seq from keys where keys.key is not null union all select * from (select seq from mamey_outbox o, clock "
      "where o.key = '' and " +
          std::string(is_free) + " order by seq limit 1000) unkeyed)" +
          found_rows("mamey_outbox o, clock",
                     "o.seq in (select seq from heads) and " + std::string(is_free) + " and " + std::string(is_head)),
      is_behind_parked, is_followed);
  return sql;
}

}  // namespace

step claim_rows(const claim_request& request, const std::string& token, search how) {
  step made{.text = how == search::unordered    ? unordered_text()
                    : how == search::first_rows ? first_rows_text()
                                                : by_key_text(),
            .values = {},
            .result = {}};
  made.values.add(token).add(request.lease.count());
  made.values.add(static_cast<std::int64_t>(request.most_rows)).add(static_cast<std::int64_t>(request.most_bytes));
  if (how != search::unordered) made.values.add(request.owner).add(request.parked_head_blocks ? 1 : 0);
  return made;
}

step are_rows_beyond_the_first() {
  return {
      .text = "select exists (select 1 from mamey_outbox where state = 0 order by seq offset 1000 limit 1)", .values = {}, .result = {}};
}

std::vector<claimed_message> read_claimed(const rows& found) {
  std::vector<claimed_message> all;
  all.reserve(static_cast<std::size_t>(found.count()));
  for (int row = 0; row < found.count(); ++row) {
    all.push_back({.sequence = found.integer(row, 0),
                   .message = read_envelope(found, row, 5),
                   .attempts = static_cast<int>(found.integer(row, 1)),
                   .reclaimed = found.boolean(row, 2),
                   .behind_parked = found.boolean(row, 3),
                   .followed = found.boolean(row, 4)});
  }
  std::ranges::sort(all, {}, &claimed_message::sequence);  // RETURNING has no order
  return all;
}

}  // namespace mamey::inline v1::postgres_detail
