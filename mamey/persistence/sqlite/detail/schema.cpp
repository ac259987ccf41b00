#include <mamey/persistence/sqlite/detail/schema.hpp>

#include <array>
#include <string>
#include <utility>

#include <mamey/persistence/envelope_row.hpp>
#include <mamey/persistence/sqlite/detail/envelope_columns.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

std::string with_envelope(std::string sql) { return v1::with_envelope(std::move(sql), envelope_definition); }

// AUTOINCREMENT: a sequence is never given twice, since "sent" applies to a sequence without a token, however late.
constexpr const char* store_step_1 = R"(
create table mamey_outbox (
  seq integer primary key autoincrement,
  slot integer,                                -- of the key; null: no key
  state integer not null default 0,            -- 0 pending, 1 parked
  created_at_ms integer not null,
  due_at_ms integer not null default 0,
  delay_ms integer not null default 0,         -- what due_at_ms was made from
  attempts integer not null default 0,
  token text,
  claimed_until_ms integer,
  lease_ms integer,                            -- what claimed_until_ms was made from
  maybe_sent integer not null default 0,       -- a claim ran out without a word
  last_error text,
  $envelope);
create index mamey_outbox_key on mamey_outbox (key, seq) where key <> '';

-- Rows the relay is done with, out of its way.
create table mamey_outbox_archive (
  seq integer primary key,
  state integer not null,                      -- 2 unroutable, 3 sent
  created_at_ms integer not null,
  settled_at_ms integer not null,
  attempts integer not null,
  $envelope);
create index mamey_outbox_archive_state on mamey_outbox_archive (state, settled_at_ms);

create table mamey_slots (slot integer primary key, owner text not null, claimed_until_ms integer not null, lease_ms integer not null);

create table mamey_inbox (
  n integer primary key,                       -- in the order of handling: cleaning takes the oldest
  subscription text not null,
  handled_at_ms integer not null,
  $envelope,
  unique (subscription, message_id));

create table mamey_starts (
  subscription text not null, message_id text not null, starts integer not null, started_at_ms integer not null,
  primary key (subscription, message_id)) without rowid;

create table mamey_delayed (
  n integer primary key,
  id text not null unique,
  subscription text not null,
  attempts integer not null,
  due_at_ms integer not null,
  delay_ms integer not null,
  first_failed_at_us integer not null,
  last_error text,
  token text,
  claimed_until_ms integer,
  lease_ms integer,
  $envelope);
create index mamey_delayed_due on mamey_delayed (due_at_ms);
create index mamey_delayed_token on mamey_delayed (token) where token is not null;

create table mamey_errors (
  id text primary key not null,
  subscription text not null,
  inbox_message_id text not null,
  error_code text not null,
  error_reason text not null,
  attempts integer not null,
  first_failed_at_us integer not null,
  failed_at_us integer not null,
  $envelope);
create index mamey_errors_failed on mamey_errors (failed_at_us);

-- Declared columns of collections: a new one is filled from the bodies.
create table mamey_columns (
  collection text not null, name text not null, is_unique integer not null,
  primary key (collection, name)) without rowid;

create table mamey_probe (n integer primary key, writes integer not null);
)";

// Expands: the release before this one works on it, beside this one.
constexpr const char* store_step_2 = R"(
alter table mamey_delayed add column starts integer not null default 0;  -- of `attempts`, those since the last outcome
alter table mamey_delayed add column waits_since_us integer;

-- Ids are unique within a tenant. The release before wrote no tenant (null): such a row stands for every tenant's message of that id.
create table mamey_inbox_rebuilt (n integer primary key, subscription text not null, handled_at_ms integer not null, $envelope);
insert into mamey_inbox_rebuilt select * from mamey_inbox;
drop table mamey_inbox;
alter table mamey_inbox_rebuilt rename to mamey_inbox;
create unique index mamey_inbox_message on mamey_inbox (subscription, message_id, coalesce(tenant, ''));
create trigger mamey_inbox_without_tenant before insert on mamey_inbox
  when new.tenant is null and exists (select 1 from mamey_inbox where subscription = new.subscription and message_id = new.message_id)
  begin select raise(ignore); end;

-- Instead of mamey_starts, which only the release before counts in: the one after this drops it.
create table mamey_handling_starts (
  subscription text not null, message_id text not null, tenant text not null, starts integer not null, started_at_ms integer not null,
  primary key (subscription, message_id, tenant)) without rowid;
)";

// The release before writes no row that holds its key, and takes those that are there in any order.
constexpr const char* store_step_3 = R"(
alter table mamey_delayed add column holds_key integer not null default 0;
create index mamey_delayed_key on mamey_delayed (subscription, key, n) where holds_key;
)";

// Recurring jobs, and delayed messages by their key.
constexpr const char* store_step_4 = R"(
create table mamey_jobs (
  name text primary key not null,
  schedule text not null,
  enabled integer not null,
  next_ms integer not null,
  last_ms integer,                             -- the occurrence that was started last
  runs integer not null,
  missed integer not null,
  version integer not null) without rowid;
create index mamey_delayed_by_type on mamey_delayed (type, key);
)";

constexpr const char* queues_step_1 = R"(
create table mamey_queues (id integer primary key, name text not null unique);
create table mamey_queue_bindings (
  exchange text not null, routing_key text not null, queue integer not null references mamey_queues (id),
  primary key (exchange, routing_key, queue)) without rowid;
create table mamey_queue_messages (
  seq integer primary key autoincrement,
  queue integer not null,
  starts integer not null default 0,
  due_at_ms integer not null,
  delay_ms integer not null,
  token text,
  claimed_until_ms integer,
  lease_ms integer,
  $envelope);
create index mamey_queue_messages_queue on mamey_queue_messages (queue);
create index mamey_queue_messages_key on mamey_queue_messages (queue, key, seq) where key <> '';
)";

constexpr const char* queues_step_2 = R"(
alter table mamey_queue_messages add column maybe_sent integer not null default 0;  -- another copy may have been handed out already
create index mamey_queue_messages_taken on mamey_queue_messages (queue, seq) where token is not null;
)";

}  // namespace

std::span<const sql_migration> store_schema() {
  static const std::array steps{sql_migration{1, "outbox_inbox_delayed_errors", with_envelope(store_step_1)},
                                sql_migration{2, "tenants_in_the_inbox_starts_of_delayed", with_envelope(store_step_2)},
                                sql_migration{3, "delayed_rows_hold_their_keys", store_step_3}, sql_migration{4, "jobs", store_step_4}};
  return steps;
}

std::span<const sql_migration> queues_schema() {
  static const std::array steps{sql_migration{1, "queues", with_envelope(queues_step_1)}, sql_migration{2, "maybe_sent", queues_step_2}};
  return steps;
}

}  // namespace mamey::inline v1::sqlite_detail
