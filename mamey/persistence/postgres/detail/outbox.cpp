#include <mamey/persistence/postgres/detail/outbox.hpp>

#include <algorithm>

#include <mamey/messaging/slot.hpp>
#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

// Rows of several sequences are always locked in their order: two that mark the same rows do not wait for each other.
constexpr std::string_view locked =
    "with locked as materialized (select seq from mamey_outbox where seq = any($1::bigint[]) order by seq for update) ";
constexpr std::string_view locked_by_token =
    "with locked as materialized (select seq from mamey_outbox where seq = any($1::bigint[]) and token = $2 order by seq for update) ";

/// A lock for a share of the keys, since the server's table of locks is small and one for all: a unit with thousands of keys takes no more
/// than that.
std::string locks_of(const std::string& keys) {
  return "select pg_advisory_xact_lock(hashtext(current_schema()), share) from (select distinct (hashtextextended(key, 0) & 1023)::integer "
         "as share from " +
         keys + " order by 1) as shares";
}

step of(std::string text, parameters values) { return {.text = std::move(text), .values = std::move(values), .result = {}}; }

}  // namespace

bool any_keyed(const std::vector<envelope>& messages) {
  return std::ranges::any_of(messages, [](const envelope& each) { return !each.key.empty(); });
}

step lock_keys(const std::vector<envelope>& messages) {
  std::vector<std::string> keys;
  for (const auto& each : messages) {
    if (!each.key.empty()) keys.push_back(each.key);
  }
  return lock_keys(keys);
}

step lock_keys(std::span<const std::string> keys) {
  static const auto sql = locks_of("unnest($1::text[]) as key");
  return of(sql, std::move(parameters().add_texts(keys)));
}

step insert_outbox(const envelope& message) {
  static const auto sql = "insert into mamey_outbox (slot, created_at_ms, " + std::string(envelope_columns) +
                          ") values ($1, mamey_now_ms(), " + envelope_parameters(2) + ")";
  parameters values;
  if (message.key.empty())
    values.add_null();
  else
    values.add(slot_of(message.key));
  add_envelope(values, message);
  return of(sql, std::move(values));
}

namespace {

constexpr auto key_column = std::ranges::count(envelope_columns.substr(0, envelope_columns.find("key,")), ',');

const std::string& leased_row() {
  static const auto sql = "insert into mamey_outbox (slot, created_at_ms, token, claimed_until_ms, lease_ms, " +
                          std::string(envelope_columns) + ") values ($1, mamey_now_ms(), $2, mamey_now_ms() + $3::bigint, $3::bigint, " +
                          envelope_parameters(4) + ") returning seq, true";
  return sql;
}

/// The rule of a claim: the slot of the key is leased, and nothing of the key stands before the row.
const std::string& head_or_free_row() {
  static const auto key = "$" + std::to_string(5 + key_column) + "::text";
  static const auto sql =
      "with clock as materialized (select mamey_now_ms() as now), head as materialized (select now from clock where exists (select 1 from "
      "mamey_slots s where s.slot = $1::integer and s.owner = $4::text and s.claimed_until_ms > now and s.claimed_until_ms - now <= "
      "s.lease_ms) and not exists (select 1 from mamey_outbox p where p.key = " +
      key + " and p.key <> '')) insert into mamey_outbox (slot, created_at_ms, token, claimed_until_ms, lease_ms, " +
      std::string(envelope_columns) +
      ") values ($1::integer, (select now from clock), (select $2::text from head), (select now + $3::bigint from head), (select "
      "$3::bigint "
      "from head), " +
      envelope_parameters(5) + ") returning seq, token is not null";
  return sql;
}

}  // namespace

step insert_outbox(const envelope& message, const hand_over_terms& terms) {
  parameters values;
  if (message.key.empty())
    values.add_null();
  else
    values.add(slot_of(message.key));
  values.add(terms.token).add(terms.lease.count());
  const bool asks = terms.ordered && !message.key.empty();
  if (asks) values.add(terms.owner);
  add_envelope(values, message);
  return of(asks ? head_or_free_row() : leased_row(), std::move(values));
}

step delete_outbox(std::span<const std::int64_t> sequences) {
  static const auto sql = std::string(locked) + "delete from mamey_outbox o using locked where o.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences)));
}

step archive_outbox(std::span<const std::int64_t> sequences, settled as) {
  static const auto sql = std::string(locked) +
                          ", gone as (delete from mamey_outbox o using locked where o.seq = locked.seq returning o.*) " +
                          "insert into mamey_outbox_archive (seq, slot, state, created_at_ms, settled_at_ms, attempts, " +
                          std::string(envelope_columns) + ") select seq, slot, $2::integer, created_at_ms, mamey_now_ms(), attempts, " +
                          std::string(envelope_columns) + " from gone on conflict do nothing";
  return of(sql, std::move(parameters().add(sequences).add(static_cast<int>(as))));
}

step renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms) {
  static const auto sql = std::string(locked_by_token) +
                          "update mamey_outbox o set claimed_until_ms = mamey_now_ms() + $3::bigint, lease_ms = $3::bigint from locked "
                          "where o.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences).add(token).add(lease_ms)));
}

step release_outbox(const std::string& token, std::span<const std::int64_t> sequences) {
  static const auto sql =
      std::string(locked_by_token) + "update mamey_outbox o set token = null, claimed_until_ms = null from locked where o.seq = locked.seq";
  return of(sql, std::move(parameters().add(sequences).add(token)));
}

step fail_outbox(const std::string& token, std::span<const outbox_failure> failures) {
  static const auto sql =
      std::string(locked_by_token) +
      ", failures as (select * from unnest($1::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as f (seq, reason, delay, "
      "state, counted)) "
      "update mamey_outbox o set attempts = o.attempts + f.counted::integer, last_error = f.reason, state = f.state::integer, due_at_ms = "
      "mamey_now_ms() + "
      "f.delay, "
      "delay_ms = f.delay, token = null, claimed_until_ms = null from locked join failures f on f.seq = locked.seq where o.seq = "
      "locked.seq";
  std::vector<std::int64_t> sequences, delays, states, counted;
  std::vector<std::string> reasons;
  for (const auto& each : failures) {
    sequences.push_back(each.sequence);
    reasons.push_back(each.reason);
    delays.push_back(each.retry_after.count());
    states.push_back(each.park ? 1 : 0);
    counted.push_back(each.counted ? 1 : 0);
  }
  return of(sql, std::move(parameters().add(sequences).add(token).add_texts(reasons).add(delays).add(states).add(counted)));
}

step list_aside(set_aside which, std::int64_t offset, std::int64_t limit) {
  static const auto parked = "select seq, attempts, coalesce(last_error, ''), " + std::string(envelope_columns) +
                             " from mamey_outbox where state = 1 order by seq limit $1::bigint offset $2::bigint";
  static const auto unroutable = "select seq, attempts, '', " + std::string(envelope_columns) +
                                 " from mamey_outbox_archive where state = 2 order by seq limit $1::bigint offset $2::bigint";
  return of(which == set_aside::parked ? parked : unroutable,
            std::move(parameters().add(std::max<std::int64_t>(limit, 0)).add(std::max<std::int64_t>(offset, 0))));
}

std::vector<message_aside> read_aside(const rows& found) {
  std::vector<message_aside> all;
  for (int row = 0; row < found.count(); ++row) {
    all.push_back({.sequence = found.integer(row, 0),
                   .message = read_envelope(found, row, 3),
                   .attempts = static_cast<int>(found.integer(row, 1)),
                   .reason = found.text(row, 2)});
  }
  return all;
}

step unpark(std::span<const std::int64_t> sequences) {
  static const auto sql =
      std::string(locked) +
      "update mamey_outbox o set state = 0, attempts = 0, due_at_ms = 0, delay_ms = 0 from locked where o.seq = locked.seq and o.state = 1";
  return of(sql, std::move(parameters().add(sequences)));
}

step lock_archived_keys(std::span<const std::int64_t> sequences) {
  static const auto sql = locks_of("mamey_outbox_archive where seq = any($1::bigint[]) and state = 2 and key <> ''");
  return of(sql, std::move(parameters().add(sequences)));
}

step append_again(std::span<const std::int64_t> sequences) {
  static const auto sql =
      "with gone as (delete from mamey_outbox_archive where seq = any($1::bigint[]) and state = 2 returning *) insert into mamey_outbox "
      "(slot, created_at_ms, " +
      std::string(envelope_columns) + ") select slot, mamey_now_ms(), " + std::string(envelope_columns) + " from gone order by seq";
  return of(sql, std::move(parameters().add(sequences)));
}

step outbox_counts() {
  return of(
      "select (select count(*) from mamey_outbox where state = 0), (select count(*) from mamey_outbox where state = 1), "
      "(select count(*) from mamey_outbox_archive where state = 2), "
      "(select greatest(mamey_now_ms() - min(created_at_ms), 0) from (select created_at_ms from mamey_outbox where state = 0 order by seq "
      "limit 100) oldest)",
      {});
}

outbox_state read_counts(const rows& found) {
  outbox_state state{.pending = found.integer(0, 0), .parked = found.integer(0, 1), .unroutable = found.integer(0, 2)};
  if (!found.is_null(0, 3)) state.oldest_age = std::chrono::milliseconds(found.integer(0, 3));
  return state;
}

step clean_archive(settled which, std::int64_t keep_ms, std::size_t most) {
  return of(
      "delete from mamey_outbox_archive where seq in (select seq from mamey_outbox_archive where state = $1 and settled_at_ms < "
      "mamey_now_ms() - $2::bigint "
      "order by settled_at_ms limit $3::bigint for update skip locked)",
      std::move(parameters().add(static_cast<int>(which)).add(keep_ms).add(static_cast<std::int64_t>(most))));
}

}  // namespace mamey::inline v1::postgres_detail
