// Messages from RabbitMQ whose handler writes one row, with their inbox rows, each in one transaction; against pgbench, which runs the same statements
// in one transaction on as many connections, and gets its messages from nowhere.

#include <atomic>
#include <cstdio>

#include <mamey/core/uuid.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/persistence/postgres/store.hpp>
#include <mamey/runtime/sync.hpp>

#include "cpu_use.hpp"
#include "outbox_rows.hpp"
#include "pgbench.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace {

constexpr int messages = 12'000, rounds = 4, pgbench_seconds = 3;

constexpr const char* new_id = R"(
\set id random(1000000000000000000, 9000000000000000000)
)";
constexpr const char* asked_first = R"(
select true from mamey_inbox where subscription = 'heard' and message_id = :id::text;
)";
constexpr const char* transaction = R"(
begin;
insert into mamey_inbox (subscription, message_id, handled_at_ms) values ('heard', :id, mamey_now_ms());
insert into heard (id, body) values (:id, :body);
commit;
)";

void fill_queue(mamey::runtime& loops, mamey::transport& through) {
  std::atomic<int> confirmed{0};
  mamey::semaphore ready{0};
  const auto out = through.open_channel([&](std::uint64_t, const mamey::publish_outcome&) { ++confirmed; },
                                        [&](mamey::channel_state now, std::string_view) {
                                          if (now == mamey::channel_state::ready) ready.release();
                                        });
  loops.run([&] {
    ready.acquire();
    std::vector<mamey::outgoing_message> batch;
    for (int i = 0; i < messages; ++i) {
      mamey::envelope message;
      message.id = mamey::uuid::v7().to_compact_string();
      message.type = "OrderCreated";
      message.exchange = "bench";
      message.routing_key = "order_created";
      message.body = std::string(bench::body_bytes, 'x');
      batch.push_back({.tag = static_cast<std::uint64_t>(i), .message = std::make_shared<const mamey::envelope>(std::move(message))});
    }
    out->publish(batch);
    while (confirmed < messages) mamey::sleep_for(std::chrono::milliseconds(1));
  });
}

/// What the look into the inbox before a handler runs costs: CPU of this process and of PostgreSQL.
struct look {
  bool before = true;
  double ours = 0, postgres = 0;  ///< seconds
  int handled = 0;
};

/// Messages a second from the start of the consumer until all are handled.
double consume(mamey::runtime& loops, mamey::store& store, mamey::transport& through, look& how) {
  fill_queue(loops, through);
  auto parts = bench::relaying(loops, store, through);
  parts.messaging.publishing = false;
  parts.messaging.look_before_handling = how.before;
  mamey::subscription heard{.name = "heard",
                            .message_type = "OrderCreated",
                            .exchange = "bench",
                            .routing_key = "order_created",
                            .queue = "bench",
                            .handlers = {}};
  heard.foreign_exchange = false;
  heard.handlers.push_back(
      {.name = "heard",
       .aliases = {},
       .handle =
           [&](const mamey::envelope& message, mamey::handling_context& context) {
             mamey::change_set changes;
             changes.statements.push_back(
                 {.text = "insert into heard (id, body) values (?, ?)", .parameters = {message.id, message.body}, .expected_rows = {}});
             context.seal(changes);
             return store.commit(changes) == mamey::commit_outcome::committed ? mamey::handling_result::committed
                                                                              : mamey::handling_result::already_handled;
           },
       .on_failure = {}});
  parts.subscriptions.push_back(std::move(heard));
  return loops.run([&] {
    mamey::message_endpoint endpoint(std::move(parts));
    const auto used = bench::cpu_use::now();
    const auto begin = std::chrono::steady_clock::now();
    endpoint.start_consuming();
    while (endpoint.statistics().subscriptions[0].handled < messages) mamey::sleep_for(std::chrono::milliseconds(1));
    const auto rate = messages / bench::seconds_since(begin);
    const auto after = bench::cpu_use::now();
    how.ours += after.self - used.self;
    how.postgres += after.of("postgres", used);
    how.handled += messages;
    endpoint.cancel_consumers();
    endpoint.finish_in_flight(std::chrono::seconds(10));
    return rate;
  });
}

}  // namespace

int main() {
  const mamey::testing::postgres_server server(bench::server_settings());
  mamey::testing::private_rabbitmq node;
  mamey::runtime loops({.threads = 1});
  const mamey::postgres_options options{.connection_string = server.connection_string(), .schema = bench::schema};
  mamey::postgres_store store(options);
  loops.run([&] { store.prepare({}); });
  server.execute("create table bench.heard (id text primary key, body text not null)");
  mamey::rabbitmq_transport through(loops.system_loop(), {.host_names = {"127.0.0.1"}, .port = node.port()}, "bench");
  loops.run([&] { through.declare(bench::queue_for_all()); });
  look before, without{.before = false};
  consume(loops, store, through, before);
  for (auto* each : {&without, &before}) {
    const auto measured = bench::in_turns(
        rounds, [&] { return consume(loops, store, through, *each); },
        [&] {
          return bench::transactions_per_second(server, {.script = std::string(new_id) + (each->before ? asked_first : "") + transaction,
                                                         .schema = bench::schema,
                                                         .variables = {"body=" + std::string(bench::body_bytes, 'x')},
                                                         .connections = options.flush_connections,
                                                         .seconds = pgbench_seconds});
        });
    bench::print(std::string(each->before ? "the same, the inbox asked before each run (the default), " : "consume, inbox and a row, ") +
                     std::to_string(options.flush_connections) + " connections, " + std::to_string(mamey::messaging_options{}.concurrency) +
                     " handlers",
                 "pgbench with the same statements", measured, 0.7);
  }
  bench::print(
      "what asking costs", "not asked",
      bench::in_turns(
          rounds, [&] { return consume(loops, store, through, before); }, [&] { return consume(loops, store, through, without); }));
  for (const auto* each : {&before, &without})
    std::printf("  CPU a message, %s: here %.1f us, PostgreSQL %.1f us\n", each->before ? "asked" : "not asked",
                each->ours / each->handled * 1e6, each->postgres / each->handled * 1e6);
}
