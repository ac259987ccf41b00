#include <mamey/persistence/postgres/detail/queue_schema.hpp>

#include <array>
#include <string>

#include <mamey/persistence/postgres/detail/envelope_columns.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

// As for the outbox: vacuum by number of rows; half of a page is free, so that a taken row's new version fits beside it and touches no
// index; and a sequence is never given twice, since an acknowledgement applies to a sequence without a token, however late.
constexpr std::string_view messages_table = R"(
create function mamey_now_ms() returns bigint language sql volatile as
  $$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$;

create table mamey_queues (id bigint generated always as identity primary key, name text not null unique);

create table mamey_queue_bindings (
  exchange text not null, routing_key text not null, queue bigint not null references mamey_queues (id),
  primary key (exchange, routing_key, queue));

create table mamey_queue_messages (
  seq bigint generated always as identity primary key,
  queue bigint not null,
  starts integer not null default 0,
  maybe_sent boolean not null default false,   -- this copy may not be the first
  due_at_ms bigint not null,
  delay_ms bigint not null,                    -- what due_at_ms was made from
  token text,
  claimed_until_ms bigint,
  lease_ms bigint,                             -- what claimed_until_ms was made from
  )";

constexpr std::string_view rest = R"()
  with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create index mamey_queue_messages_queue on mamey_queue_messages (queue, seq);
create index mamey_queue_messages_unkeyed on mamey_queue_messages (queue, seq) where key = '';
create index mamey_queue_messages_key on mamey_queue_messages (queue, key, seq) where key <> '';
)";

}  // namespace

std::span<const postgres_migration> queues_schema() {
  static const std::array steps{
      postgres_migration{1, "queues", std::string(messages_table) + std::string(envelope_definition) + std::string(rest)}};
  return steps;
}

}  // namespace mamey::inline v1::postgres_detail
