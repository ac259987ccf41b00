#include <mamey/persistence/postgres/detail/inbox.hpp>

#include <string>
#include <utility>

namespace mamey::inline v1::postgres_detail {
namespace {

parameters of(const inbox_key& key) { return std::move(parameters().add(key.subscription).add(key.message_id).add(key.tenant)); }

// A row without a tenant (null) is an earlier release's, which knew none: it stands for every tenant's message. What is inserted beside it
// has none either, and collides.
constexpr const char* tenant_beside =
    "case when $3 <> '' and exists (select 1 from mamey_inbox where subscription = $1 and message_id = $2 and tenant is null) then null "
    "else "
    "$3 end";

}  // namespace

step insert_inbox(const inbox_key& key) {
  static const auto sql = "insert into mamey_inbox (subscription, message_id, tenant, handled_at_ms) values ($1, $2, " +
                          std::string(tenant_beside) + ", mamey_now_ms())";
  return {.text = sql, .values = of(key), .result = {}};
}

step enter_inbox(const inbox_key& key) {
  // The lock knows no tenant: the release before this one takes the same, and of two tenants' messages of one id the second only waits.
  static const auto sql =
      "with held as materialized (select pg_try_advisory_xact_lock(hashtextextended($2, hashtext(current_schema() || '/' || $1))) as "
      "mine), "
      "entered as (insert into mamey_inbox (subscription, message_id, tenant, handled_at_ms) select $1, $2, " +
      std::string(tenant_beside) +
      ", mamey_now_ms() from held where mine on conflict do nothing returning 1) select (select mine from held), (select count(*) from "
      "entered) = 1";
  return {.text = sql, .values = of(key), .result = {}};
}

step were_handled(std::span<const inbox_key> keys) {
  std::vector<std::string> subscriptions, ids, tenants;
  for (const auto& each : keys) {
    subscriptions.push_back(each.subscription);
    ids.push_back(each.message_id);
    tenants.push_back(each.tenant);
  }
  // `limit` keeps the look-up one of the index for each key, whatever the statistics say of the table.
  return {
      .text =
          "select exists (select 1 from mamey_inbox i where i.subscription = k.subscription and i.message_id = k.message_id and (i.tenant "
          "= k.tenant or i.tenant is null) "
          "limit 1) from unnest($1::text[], $2::text[], $3::text[]) with ordinality k (subscription, message_id, tenant, n) order by k.n",
      .values = std::move(parameters().add_texts(subscriptions).add_texts(ids).add_texts(tenants)),
      .result = {}};
}

step count_start(const inbox_key& key, int presumed) {
  return {.text =
              "insert into mamey_handling_starts (subscription, message_id, tenant, starts, started_at_ms) values ($1, $2, $3, $4, "
              "mamey_now_ms()) "
              "on conflict (subscription, message_id, tenant) do update set starts = mamey_handling_starts.starts + 1, started_at_ms = "
              "excluded.started_at_ms returning starts",
          .values = std::move(of(key).add(presumed + 1)),
          .result = {}};
}

step take_back_start(const inbox_key& key) {
  return {
      .text =
          "update mamey_handling_starts set starts = starts - 1 where subscription = $1 and message_id = $2 and tenant = $3 and starts > 0",
      .values = of(key),
      .result = {}};
}

step forget_starts(const inbox_key& key) {
  return {.text = "update mamey_handling_starts set starts = 0 where subscription = $1 and message_id = $2 and tenant = $3",
          .values = of(key),
          .result = {}};
}

step clean_inbox(std::int64_t keep_ms, std::size_t most) {
  return {
      .text =
          "delete from mamey_inbox where ctid = any(array(select ctid from mamey_inbox where handled_at_ms < mamey_now_ms() - $1::bigint "
          "order by handled_at_ms limit $2::bigint for update skip locked))",
      .values = std::move(parameters().add(keep_ms).add(static_cast<std::int64_t>(most))),
      .result = {}};
}

step clean_starts(std::int64_t keep_ms, std::size_t most) {
  return {.text =
              "delete from mamey_handling_starts where ctid = any(array(select ctid from mamey_handling_starts where started_at_ms < "
              "mamey_now_ms() - $1::bigint "
              "order by started_at_ms limit $2::bigint for update skip locked))",
          .values = std::move(parameters().add(keep_ms).add(static_cast<std::int64_t>(most))),
          .result = {}};
}

step find_old_rows(std::int64_t inbox_ms, std::int64_t sent_ms, std::int64_t errors_ms) {
  return {.text =
              "select (select min(handled_at_ms) from mamey_inbox) < now - $1::bigint, (select min(started_at_ms) from "
              "mamey_handling_starts) < now - $1::bigint, (select min(settled_at_ms) from mamey_outbox_archive where state = 3) < now - "
              "$2::bigint, (select min(settled_at_ms) from mamey_outbox_archive where state = 2) < now - $3::bigint, (select "
              "min(failed_at_us) from mamey_errors) < (now - $3::bigint) * 1000 from (select mamey_now_ms() as now offset 0) clock",
          .values = std::move(parameters().add(inbox_ms).add(sent_ms).add(errors_ms)),
          .result = {}};
}

}  // namespace mamey::inline v1::postgres_detail
