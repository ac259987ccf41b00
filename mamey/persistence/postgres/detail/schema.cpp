#include <mamey/persistence/postgres/detail/schema.hpp>

#include <array>
#include <string>
#include <utility>

#include <mamey/persistence/envelope_row.hpp>
#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

std::string with_envelope(std::string sql) { return v1::with_envelope(std::move(sql), envelope_definition); }

// The outbox is written, claimed and deleted all the time: vacuum by number of rows, not by share. A claim takes whole pages of rows, so
// half of a page is left free: every claimed row's new version fits beside it and touches no index (at 80 % seven of ten did). A sequence
// of the identity is never given twice, since "sent" applies to a sequence without a token, however late.
constexpr const char* step_1 = R"(
-- The one clock that leases and due times are compared with.
create function mamey_now_ms() returns bigint language sql volatile as
  $$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$;

-- Ends a unit of work whose write met another number of rows than it expected.
create function mamey_expect(changed bigint, expected bigint) returns bigint language plpgsql as $$
begin
  if changed is distinct from expected then
    raise exception using errcode = 'MA001', message = changed || ' rows changed, ' || expected || ' were expected';
  end if;
  return changed;
end $$;

create table mamey_outbox (
  seq bigint generated always as identity primary key,
  slot integer,                                -- of the key; null: no key
  state integer not null default 0,            -- 0 pending, 1 parked
  created_at_ms bigint not null,
  due_at_ms bigint not null default 0,
  delay_ms bigint not null default 0,          -- what due_at_ms was made from
  attempts integer not null default 0,
  token text,
  claimed_until_ms bigint,
  lease_ms bigint,                             -- what claimed_until_ms was made from
  maybe_sent boolean not null default false,   -- a claim ran out without a word
  last_error text,
  $envelope)
  with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create index mamey_outbox_key on mamey_outbox (key, seq) where key <> '';
create index mamey_outbox_unkeyed on mamey_outbox (seq) where key = '' and state = 0;
create index mamey_outbox_parked on mamey_outbox (seq) where state = 1;

-- Rows the relay is done with, out of its way.
create table mamey_outbox_archive (
  seq bigint primary key,
  slot integer,
  state integer not null,                      -- 2 unroutable, 3 sent
  created_at_ms bigint not null,
  settled_at_ms bigint not null,
  attempts integer not null,
  $envelope);
create index mamey_outbox_archive_state on mamey_outbox_archive (state, settled_at_ms);

create table mamey_slots (slot integer primary key, owner text not null, claimed_until_ms bigint not null, lease_ms bigint not null);

create table mamey_inbox (
  subscription text not null,
  handled_at_ms bigint not null,
  $envelope,
  primary key (subscription, message_id));
create index mamey_inbox_handled on mamey_inbox (handled_at_ms);

create table mamey_starts (
  subscription text not null, message_id text not null, starts integer not null, started_at_ms bigint not null,
  primary key (subscription, message_id));
create index mamey_starts_started on mamey_starts (started_at_ms);

create table mamey_delayed (
  id text primary key,
  n bigint generated always as identity,
  subscription text not null,
  attempts integer not null,
  due_at_ms bigint not null,
  delay_ms bigint not null,
  first_failed_at_us bigint not null,
  last_error text,
  token text,
  claimed_until_ms bigint,
  lease_ms bigint,
  $envelope);
create index mamey_delayed_due on mamey_delayed (due_at_ms);
create index mamey_delayed_put on mamey_delayed ((due_at_ms - delay_ms));
create index mamey_delayed_token on mamey_delayed (token) where token is not null;

create table mamey_errors (
  id text collate "C" primary key,
  subscription text not null,
  inbox_message_id text not null,
  error_code text not null,
  error_reason text not null,
  attempts integer not null,
  first_failed_at_us bigint not null,
  failed_at_us bigint not null,
  $envelope);
create index mamey_errors_failed on mamey_errors (failed_at_us);

-- Declared columns of collections: a new one is filled from the bodies.
create table mamey_columns (collection text not null, name text not null, is_unique boolean not null, primary key (collection, name));
)";

// Expands: the release before this one works on it, beside this one.
constexpr const char* step_2 = R"(
alter table mamey_delayed
  add column starts integer not null default 0,  -- of `attempts`, those since the last outcome
  add column waits_since_us bigint;

-- Ids are unique within a tenant. The release before wrote no tenant (null): such a row stands for every tenant's message of that id. It knows
-- the index by this name.
alter table mamey_inbox drop constraint mamey_inbox_pkey;
create unique index mamey_inbox_pkey on mamey_inbox (subscription, message_id, coalesce(tenant, ''));
create function mamey_inbox_without_tenant() returns trigger language plpgsql as $$ begin
  if exists (select 1 from mamey_inbox where subscription = new.subscription and message_id = new.message_id and tenant <> '') then
    raise exception using errcode = 'unique_violation', constraint = 'mamey_inbox_pkey', message = 'handled already, by a later release';
  end if;
  return new;
end $$;
create trigger mamey_inbox_without_tenant before insert on mamey_inbox for each row when (new.tenant is null)
  execute function mamey_inbox_without_tenant();

-- Instead of mamey_starts, which only the release before counts in: the one after this drops it.
create table mamey_handling_starts (
  subscription text not null, message_id text not null, tenant text not null, starts integer not null, started_at_ms bigint not null,
  primary key (subscription, message_id, tenant));
create index mamey_handling_starts_started on mamey_handling_starts (started_at_ms);
)";

// Claims and counts need not pass over what is parked: many rows where a broker refused for long.
constexpr const char* step_3 = "create index mamey_outbox_pending on mamey_outbox (seq) where state = 0";

// The release before writes no row that holds its key, and takes those that are there in any order.
constexpr const char* step_4 = R"(
alter table mamey_delayed add column holds_key boolean not null default false;
create index mamey_delayed_key on mamey_delayed (subscription, key, n) where holds_key;
)";

// Recurring jobs, and delayed messages by their key.
constexpr const char* step_5 = R"(
create table mamey_jobs (
  name text collate "C" primary key,
  schedule text not null,
  enabled boolean not null,
  next_ms bigint not null,
  last_ms bigint,                              -- the occurrence that was started last
  runs bigint not null,
  missed bigint not null,
  version bigint not null);
create index mamey_delayed_by_type on mamey_delayed (type, key);
)";

}  // namespace

std::span<const postgres_migration> store_schema() {
  static const std::array steps{postgres_migration{1, "outbox_inbox_delayed_errors", with_envelope(step_1)},
                                postgres_migration{2, "tenants_in_the_inbox_starts_of_delayed", step_2},
                                postgres_migration{3, "pending_outbox", step_3},
                                postgres_migration{4, "delayed_rows_hold_their_keys", step_4}, postgres_migration{5, "jobs", step_5}};
  return steps;
}

}  // namespace mamey::inline v1::postgres_detail
