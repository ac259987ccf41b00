// Commands that each store a document and an outbox row, from 64 clients, `synchronous_commit = on`; against pgbench, which runs the same
// statements in one transaction on as many connections: as its users write them (BEGIN to COMMIT, a round trip each), and pipelined as ours are.

#include <cstdlib>

#include <mamey/observability/metrics.hpp>
#include <mamey/persistence/postgres/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "account.hpp"
#include "pgbench.hpp"

namespace {

constexpr int clients = 64, rounds = 5, seconds_each = 2;
constexpr const char* schema = "bench";

constexpr const char* statements = R"(
insert into accounts (id, position, body, version) values (:id, 1, :document, 1);
select pg_advisory_xact_lock(lock) from (select distinct hashtextextended(key, hashtext(current_schema())) as lock from unnest(array[:id]::text[]) as key order by 1) as locks;
insert into mamey_outbox (slot, created_at_ms, message_id, correlation_id, causation_id, type, version, min_version, source, occurred_at_us, key, stream, position, tenant,
  content_type, expires_at_us, traceparent, principal, headers, body, exchange, routing_key)
  values (:slot, mamey_now_ms(), :id, :id, '', 'Opened', 1, 1, 'bench', :id, :id, :id, 1, '', 'application/json', null, '', '', '', :event, 'bench', 'opened');
)";

std::string script(const std::string& before, const std::string& after) {
  return "\\set id random(1000000000000000000, 9000000000000000000)\n\\set slot random(0, 1023)\n" + before + statements + after;
}

/// Commands a second through the pipeline.
double run_mamey(mamey::runtime& loops, mamey::pipeline& pipeline) {
  return loops.run([&] {
    std::int64_t done = 0;
    const auto begin = std::chrono::steady_clock::now();
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int client = 0; client < clients; ++client) {
        scope.spawn("client", [&] {
          while (bench::seconds_since(begin) < seconds_each) {
            pipeline.send(bench::Open{mamey::uuid::v7(), 1});
            ++done;
          }
        });
      }
    });
    return static_cast<double>(done) / bench::seconds_since(begin);
  });
}

void compare(const mamey::testing::postgres_server& server, int connections, double goal = 0) {
  mamey::runtime loops({.threads = 1});
  mamey::postgres_store store({.connection_string = server.connection_string(), .schema = schema, .flush_connections = connections});
  const std::vector<const mamey::collection*> collections{&mamey::aggregate_collection<bench::Account>()};
  mamey::handler_registry handlers;
  handlers.add(mamey::function_handler<mamey::handler_kind::command, bench::open_account>());
  mamey::services registrations;
  registrations.add_placed<mamey::unit_of_work>();
  mamey::service_provider provider(std::move(registrations));
  provider.start();
  mamey::metrics::registry metrics;
  mamey::pipeline pipeline(provider, handlers, &store, metrics,
                           {.outgoing = {.service = "bench", .names = {.assembly = "bench", .exchange = "bench"}}});
  loops.run([&] { store.prepare(collections); });
  run_mamey(loops, pipeline);  // connects and prepares

  const auto pgbench = [&](const std::string& text) {
    return bench::transactions_per_second(
        server, {.script = text,
                 .schema = schema,
                 .variables = {"document={\"balance\":1}", "event={\"accountId\":\"0191d7d1-c0a0-7000-a000-000000000000\",\"amount\":1}"},
                 .connections = connections,
                 .seconds = seconds_each});
  };
  bench::comparison plain, pipelined;
  for (int round = 0; round < rounds; ++round) {
    const auto ours = run_mamey(loops, pipeline);
    plain.ours.push_back(ours), pipelined.ours.push_back(ours);
    plain.theirs.push_back(pgbench(script("begin;", "commit;\n")));
    pipelined.theirs.push_back(pgbench(script("\\startpipeline\n", "\\endpipeline\n")));
  }
  const auto what = std::to_string(clients) + " clients, " + std::to_string(connections) + " connections";
  bench::print(what, "pgbench", plain, goal);
  bench::print(what, "pgbench pipelined", pipelined, goal);
}

}  // namespace

int main() {
  const mamey::testing::postgres_server server(bench::server_settings());
  compare(server, mamey::postgres_options{}.flush_connections, 0.85);
  compare(server, 4);
  compare(server, 32);
}
