#include <mamey/persistence/sqlite/detail/outbox.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include <mamey/core/uuid.hpp>
#include <mamey/messaging/slot.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

std::string text(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) all += part;
  return all;
}

// -- claims -----------------------------------------------------------------------------------------------------------
// Parameters: 1 now, 2 most rows; of ordered claims also 3 most rows looked at, 4 owner, 5 whether a parked message blocks its key.

constexpr std::string_view claim_columns = "seq, attempts, token is not null or maybe_sent, length(cast(body as blob)), ";
constexpr std::int64_t looked_at = 1'000;

const std::string& unordered_claim() {
  static const auto sql = text({"select ", claim_columns, "0, 0, ", envelope_columns, " from mamey_outbox where state = 0 and ", is_due,
                                " and ", lease_is_over, " order by seq limit ?2"});
  return sql;
}

/// A key's turn: its slot is leased, and nothing of the key stands before the row, but for parked rows where they do not block.
constexpr std::string_view is_head =
    "(o.key = '' or (o.slot in (select slot from mamey_slots where owner = ?4 and claimed_until_ms > ?1 and claimed_until_ms - ?1 <= "
    "lease_ms) and "
    "not exists (select 1 from mamey_outbox p where p.key = o.key and p.key <> '' and p.seq < o.seq and (?5 or p.state = 0))))";
constexpr std::string_view is_behind_parked =
    "exists (select 1 from mamey_outbox p where p.key = o.key and p.key <> '' and p.seq < o.seq and p.state = 1), ";
constexpr std::string_view is_followed = "exists (select 1 from mamey_outbox f where f.key = o.key and f.key <> '' and f.seq > o.seq), ";

/// Heads among the first rows: finds them unless few keys have long queues.
const std::string& ordered_claim() {
  static const auto sql = text({"select ", claim_columns, is_behind_parked, is_followed, envelope_columns,
                                " from (select * from mamey_outbox where state = 0 order by seq limit ?3) o where ", is_due, " and ",
                                lease_is_over, " and ", is_head, " limit ?2"});
  return sql;
}

/// Heads by key: one step of the index a key, however long its queue.
const std::string& ordered_claim_by_key() {
  static const auto sql =
      text({"with recursive keys (key) as (select min(key) from mamey_outbox where key <> '' union all "
            "select (select min(m.key) from mamey_outbox m where m.key > keys.key and m.key <> '') from keys where keys.key is not null), "
            "heads (seq) as (select (select min(h.seq) from mamey_outbox h where h.key = keys.key and h.key <> '' and (?5 or h.state = 0)) "
            "from keys where keys.key is not null "
            "union all select * from (select seq from mamey_outbox where key = '' and state = 0 and ",
            is_due, " and ", lease_is_over, " order by seq limit ?3)) ", "select ", claim_columns, is_behind_parked, is_followed,
            envelope_columns, " from mamey_outbox o where seq in (select seq from heads) and state = 0 and ", is_due, " and ",
            lease_is_over, " and ", is_head, " order by seq limit ?2"});
  return sql;
}

void read_claimed(statement& rows, const claim_request& request, std::vector<claimed_message>& into) {
  std::size_t bytes = 0;
  while (bytes < request.most_bytes && rows.step()) {
    bytes += static_cast<std::size_t>(rows.integer(3));
    into.push_back({.sequence = rows.integer(0),
                    .message = read_envelope(rows, 6),
                    .attempts = static_cast<int>(rows.integer(1)),
                    .reclaimed = rows.integer(2) != 0,
                    .behind_parked = rows.integer(4) != 0,
                    .followed = rows.integer(5) != 0});
  }
}

void read_heads(connection& on, const std::string& sql, const claim_request& request, std::int64_t now_ms,
                std::vector<claimed_message>& into) {
  auto rows = on.use(sql);
  rows.bind(now_ms)
      .bind(static_cast<std::int64_t>(request.most_rows))
      .bind(looked_at)
      .bind(request.owner)
      .bind(request.parked_head_blocks ? 1 : 0);
  read_claimed(rows, request, into);
}

std::vector<claimed_message> find_claimable(connection& on, const claim_request& request, std::int64_t now_ms) {
  std::vector<claimed_message> found;
  if (!request.ordered) {
    auto rows = on.use(unordered_claim());
    rows.bind(now_ms).bind(static_cast<std::int64_t>(request.most_rows));
    read_claimed(rows, request, found);
    return found;
  }
  read_heads(on, ordered_claim(), request, now_ms, found);
  if (found.empty()) read_heads(on, ordered_claim_by_key(), request, now_ms, found);
  std::ranges::sort(found, {}, &claimed_message::sequence);
  return found;
}

}  // namespace

namespace {

/// The rule of a claim: the slot of the key is leased, and nothing of the key stands before the row.
bool may_be_leased(connection& on, const envelope& message, const hand_over_terms& terms, std::int64_t now_ms) {
  if (!terms.ordered || message.key.empty()) return true;
  auto row = on.use(
      "select exists (select 1 from mamey_slots where slot = ?1 and owner = ?2 and claimed_until_ms > ?3 and claimed_until_ms - ?3 <= "
      "lease_ms) and not exists (select 1 from mamey_outbox where key = ?4 and key <> '')");
  row.bind(slot_of(message.key)).bind(terms.owner).bind(now_ms).bind(message.key);
  return row.step() && row.integer(0) != 0;
}

}  // namespace

void insert_outbox(connection& on, const envelope& message, std::int64_t now_ms, hand_over& handing) {
  static const auto sql = text({"insert into mamey_outbox (slot, created_at_ms, token, claimed_until_ms, lease_ms, ", envelope_columns,
                                ") values (?, ?, ?, ?, ?, ", envelope_parameters, ")"});
  const auto* const terms = handing.terms();
  const bool leased = terms != nullptr && may_be_leased(on, message, *terms, now_ms);
  const auto headers = headers_text(message);
  auto row = on.use(sql);
  if (message.key.empty())
    row.bind_null();
  else
    row.bind(slot_of(message.key));
  row.bind(now_ms);
  if (leased)
    row.bind(terms->token).bind(now_ms + terms->lease.count()).bind(terms->lease.count());
  else
    row.bind_null().bind_null().bind_null();
  bind_envelope(row, message, headers);
  row.run();
  handing.inserted(on.last_inserted(), leased, message);
}

claim claim_outbox(connection& on, const claim_request& request, std::int64_t now_ms) {
  claim taken{.token = uuid::v4().to_compact_string(), .rows = find_claimable(on, request, now_ms)};
  auto mark = on.use(
      "update mamey_outbox set maybe_sent = maybe_sent or token is not null, token = ?, claimed_until_ms = ?, lease_ms = ? where seq = ?");
  for (const auto& row : taken.rows) {
    mark.reset();
    mark.bind(taken.token).bind(now_ms + request.lease.count()).bind(request.lease.count()).bind(row.sequence).run();
  }
  return taken;
}

// -- outcomes ---------------------------------------------------------------------------------------------------------

void delete_outbox(connection& on, std::span<const std::int64_t> sequences) {
  auto row = on.use("delete from mamey_outbox where seq = ?");
  for (const auto sequence : sequences) {
    row.reset();
    row.bind(sequence).run();
  }
}

void archive_outbox(connection& on, std::span<const std::int64_t> sequences, settled as, std::int64_t now_ms) {
  static const auto sql =
      text({"insert or ignore into mamey_outbox_archive (seq, state, created_at_ms, settled_at_ms, attempts, ", envelope_columns,
            ") select seq, ?, created_at_ms, ?, attempts, ", envelope_columns, " from mamey_outbox where seq = ?"});
  {
    auto copy = on.use(sql);
    for (const auto sequence : sequences) {
      copy.reset();
      copy.bind(static_cast<int>(as)).bind(now_ms).bind(sequence).run();
    }
  }
  delete_outbox(on, sequences);
}

std::size_t renew_outbox(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms,
                         std::int64_t now_ms) {
  auto row = on.use("update mamey_outbox set claimed_until_ms = ?, lease_ms = ? where seq = ? and token = ?");
  std::int64_t applied = 0;
  for (const auto sequence : sequences) {
    row.reset();
    applied += row.bind(now_ms + lease_ms).bind(lease_ms).bind(sequence).bind(token).run();
  }
  return static_cast<std::size_t>(applied);
}

std::size_t release_outbox(connection& on, const std::string& token, std::span<const std::int64_t> sequences) {
  auto row = on.use("update mamey_outbox set token = null, claimed_until_ms = null where seq = ? and token = ?");
  std::int64_t applied = 0;
  for (const auto sequence : sequences) {
    row.reset();
    applied += row.bind(sequence).bind(token).run();
  }
  return static_cast<std::size_t>(applied);
}

std::size_t fail_outbox(connection& on, const std::string& token, std::span<const outbox_failure> failures, std::int64_t now_ms) {
  auto row = on.use(
      "update mamey_outbox set attempts = attempts + ?, last_error = ?, state = ?, due_at_ms = ?, delay_ms = ?, token = null, "
      "claimed_until_ms = null "
      "where seq = ? and token = ?");
  std::int64_t applied = 0;
  for (const auto& failure : failures) {
    row.reset();
    const auto delay = failure.retry_after.count();
    applied += row.bind(failure.counted ? 1 : 0)
                   .bind(failure.reason)
                   .bind(failure.park ? 1 : 0)
                   .bind(now_ms + delay)
                   .bind(delay)
                   .bind(failure.sequence)
                   .bind(token)
                   .run();
  }
  return static_cast<std::size_t>(applied);
}

std::vector<message_aside> list_aside(connection& on, set_aside which, std::int64_t offset, std::int64_t limit) {
  static const auto parked =
      text({"select seq, attempts, last_error, ", envelope_columns, " from mamey_outbox where state = 1 order by seq limit ? offset ?"});
  static const auto unroutable =
      text({"select seq, attempts, '', ", envelope_columns, " from mamey_outbox_archive where state = 2 order by seq limit ? offset ?"});
  auto rows = on.use(which == set_aside::parked ? parked : unroutable);
  rows.bind(std::max<std::int64_t>(limit, 0)).bind(std::max<std::int64_t>(offset, 0));
  std::vector<message_aside> found;
  while (rows.step()) {
    found.push_back({.sequence = rows.integer(0),
                     .message = read_envelope(rows, 3),
                     .attempts = static_cast<int>(rows.integer(1)),
                     .reason = rows.text(2)});
  }
  return found;
}

namespace {

bool unpark(connection& on, std::int64_t sequence) {
  return on.use("update mamey_outbox set state = 0, attempts = 0, due_at_ms = 0, delay_ms = 0 where seq = ? and state = 1")
             .bind(sequence)
             .run() == 1;
}

bool append_again(connection& on, std::int64_t sequence, std::int64_t now_ms) {
  static const auto sql = text({"select ", envelope_columns, " from mamey_outbox_archive where seq = ? and state = 2"});
  std::optional<envelope> message;
  {
    auto row = on.use(sql);
    row.bind(sequence);
    if (row.step()) message = read_envelope(row, 0);
  }
  if (!message) return false;
  hand_over nobody;
  insert_outbox(on, *message, now_ms, nobody);
  on.use("delete from mamey_outbox_archive where seq = ?").bind(sequence).run();
  return true;
}

}  // namespace

std::size_t resend_outbox(connection& on, std::span<const std::int64_t> sequences, std::int64_t now_ms) {
  return static_cast<std::size_t>(
      std::ranges::count_if(sequences, [&](std::int64_t sequence) { return unpark(on, sequence) || append_again(on, sequence, now_ms); }));
}

outbox_state read_outbox_state(connection& on, std::int64_t now_ms) {
  outbox_state state;
  {
    auto row =
        on.use("select count(*) - total(state = 1), total(state = 1), min(case when state = 0 then created_at_ms end) from mamey_outbox");
    row.step();
    state.pending = row.integer(0);
    state.parked = row.integer(1);
    if (!row.is_null(2)) state.oldest_age = std::chrono::milliseconds(std::max<std::int64_t>(now_ms - row.integer(2), 0));
  }
  auto row = on.use("select count(*) from mamey_outbox_archive where state = 2");
  row.step();
  state.unroutable = row.integer(0);
  return state;
}

std::size_t clean_archive(connection& on, settled which, std::int64_t before_ms, std::size_t most) {
  return static_cast<std::size_t>(on.use("delete from mamey_outbox_archive where seq in (select seq from mamey_outbox_archive where state "
                                         "= ? and settled_at_ms < ? order by settled_at_ms limit ?)")
                                      .bind(static_cast<int>(which))
                                      .bind(before_ms)
                                      .bind(static_cast<std::int64_t>(most))
                                      .run());
}

// -- slots ------------------------------------------------------------------------------------------------------------

namespace {

std::vector<int> held_slots(connection& on, const std::string& owner) {
  auto rows = on.use("select slot from mamey_slots where owner = ? order by slot");
  rows.bind(owner);
  std::vector<int> slots;
  while (rows.step()) slots.push_back(static_cast<int>(rows.integer(0)));
  return slots;
}

std::vector<int> free_slots(connection& on, std::int64_t now_ms, std::size_t most) {
  auto rows = on.use(
      "with recursive n (slot) as (select 0 union all select slot + 1 from n where slot < 1023) select slot from n where not exists "
      "(select 1 from mamey_slots s "
      "where s.slot = n.slot and s.claimed_until_ms > ?1 and s.claimed_until_ms - ?1 <= s.lease_ms) limit ?2");
  rows.bind(now_ms).bind(static_cast<std::int64_t>(most));
  std::vector<int> slots;
  while (rows.step()) slots.push_back(static_cast<int>(rows.integer(0)));
  return slots;
}

}  // namespace

std::vector<int> lease_slots(connection& on, const std::string& owner, std::size_t most, std::int64_t lease_ms, std::int64_t now_ms) {
  // What ran out is anybody's, the owner's own included: somebody may have had it in between.
  on.use("delete from mamey_slots where owner = ?1 and (claimed_until_ms <= ?2 or claimed_until_ms - ?2 > lease_ms)")
      .bind(owner)
      .bind(now_ms)
      .run();
  auto held = held_slots(on, owner);
  while (held.size() > most) {
    on.use("delete from mamey_slots where slot = ?").bind(held.back()).run();
    held.pop_back();
  }
  if (held.size() < most) {
    const auto more = free_slots(on, now_ms, most - held.size());
    held.insert(held.end(), more.begin(), more.end());
  }
  auto row = on.use("insert or replace into mamey_slots (slot, owner, claimed_until_ms, lease_ms) values (?, ?, ?, ?)");
  for (const auto slot : held) {
    row.reset();
    row.bind(slot).bind(owner).bind(now_ms + lease_ms).bind(lease_ms).run();
  }
  std::ranges::sort(held);
  return held;
}

void release_slots(connection& on, const std::string& owner) { on.use("delete from mamey_slots where owner = ?").bind(owner).run(); }

}  // namespace mamey::inline v1::sqlite_detail
