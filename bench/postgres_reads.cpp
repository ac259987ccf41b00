// Point reads by primary key of many fibers, pipelined on one connection a loop; against pgbench, prepared, on as many connections.

#include <atomic>
#include <random>
#include <thread>

#include <mamey/persistence/postgres/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "account.hpp"
#include "pgbench.hpp"

namespace {

constexpr int documents = 100'000, fibers_a_loop = 64, rounds = 7, seconds_each = 2;
constexpr const char* schema = "bench";

/// Reads a second. Each loop has a store of one connection.
double run_mamey(mamey::runtime& loops, std::vector<std::unique_ptr<mamey::postgres_store>>& stores) {
  const auto& accounts = mamey::aggregate_collection<bench::Account>();
  std::atomic<std::int64_t> done{0};
  std::vector<std::thread> drivers;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < stores.size(); ++i) {
    drivers.emplace_back([&, i] {
      loops.run_on(loops.loop(i), [&] {
        std::minstd_rand random(static_cast<unsigned>(i + 1));
        std::int64_t read = 0;
        mamey::with_scope([&](mamey::task_scope& scope) {
          for (int fiber = 0; fiber < fibers_a_loop; ++fiber) {
            scope.spawn("reader", [&] {
              while (bench::seconds_since(begin) < seconds_each) {
                if (!stores[i]->load(accounts, std::to_string(random() % documents + 1))) std::abort();
                ++read;
              }
            });
          }
        });
        done += read;
      });
    });
  }
  for (auto& each : drivers) each.join();
  return static_cast<double>(done.load()) / bench::seconds_since(begin);
}

void compare(const mamey::testing::postgres_server& server, int connections, double goal) {
  mamey::runtime loops({.threads = connections});
  std::vector<std::unique_ptr<mamey::postgres_store>> stores;
  const std::vector<const mamey::collection*> collections{&mamey::aggregate_collection<bench::Account>()};
  for (int i = 0; i < connections; ++i) {
    stores.push_back(std::make_unique<mamey::postgres_store>(mamey::postgres_options{
        .connection_string = server.connection_string(), .schema = schema, .read_connections = 1, .pipelined_reads = fibers_a_loop}));
    loops.run([&] { stores.back()->prepare(collections); });
  }
  if (server.execute("select exists (select 1 from bench.accounts)")[0][0] == "f") {
    server.execute(
        "insert into bench.accounts (id, position, body, version) select n, 1, ('{\"balance\":' || n || '}')::jsonb, 1 from "
        "generate_series(1, " +
        std::to_string(documents) + ") n");
    server.execute("vacuum analyze bench.accounts");
  }
  run_mamey(loops, stores);
  const std::string script =
      "\\set id random(1, " + std::to_string(documents) + ")\nselect id, version, position, body from accounts where id = :id;\n";
  const auto measured = bench::in_turns(
      rounds, [&] { return run_mamey(loops, stores); },
      [&] {
        return bench::transactions_per_second(
            server, {.script = script, .schema = schema, .variables = {}, .connections = connections, .seconds = seconds_each});
      });
  bench::print(
      "point reads, " + std::to_string(connections) + (connections == 1 ? " loop with a connection" : " loops with a connection each"),
      "pgbench -M prepared", measured, goal);
}

}  // namespace

int main() {
  const mamey::testing::postgres_server server(bench::server_settings());
  compare(server, 1, 1.5);
  compare(server, 2, 1.5);
}
