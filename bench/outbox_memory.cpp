// What a process holds above idle while a million outbox rows are pending: relaying with the broker there, and with the broker away.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/persistence/postgres/store.hpp>

#include "outbox_rows.hpp"
#include "pgbench.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace {

constexpr int rows = 1'000'000, seconds_each = 15;

double resident_mebibytes() {
  long total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double highest_within(std::chrono::seconds span) {
  double highest = 0;
  for (const auto until = mamey::steady_now() + span; mamey::steady_now() < until; mamey::sleep_for(std::chrono::milliseconds(20)))
    highest = std::max(highest, resident_mebibytes());
  return highest;
}

void report(const char* when, double above) {
  std::printf("above idle, %s: %.1f MiB   goal < 64: %s\n", when, above, above < 64 ? "met" : "MISSED");
}

}  // namespace

int main() {
  const mamey::testing::postgres_server server(bench::server_settings());
  mamey::testing::private_rabbitmq node;
  mamey::runtime loops({.threads = 1});
  mamey::postgres_store store({.connection_string = server.connection_string(), .schema = bench::schema});
  loops.run([&] { store.prepare({}); });
  mamey::rabbitmq_transport through(loops.system_loop(), {.host_names = {"127.0.0.1"}, .port = node.port()}, "bench");
  loops.run([&] { through.declare(bench::queue_for_all()); });
  loops.run([&] {
    mamey::message_endpoint endpoint(bench::relaying(loops, store, through));
    endpoint.start_relay();
    const auto idle = highest_within(std::chrono::seconds(3));
    mamey::run_blocking([&] { bench::fill_outbox(server, rows); });  // past the store: the relay finds them when it polls
    const auto relaying = highest_within(std::chrono::seconds(seconds_each));
    const auto sent = endpoint.statistics().outbox.counts.confirmed;
    mamey::run_blocking([&] { node.kill_hard(); });
    const auto away = highest_within(std::chrono::seconds(seconds_each));
    std::printf("%d rows pending, %llu of them sent while we looked; idle %.1f MiB\n", rows, static_cast<unsigned long long>(sent), idle);
    report("relaying", relaying - idle);
    report("broker away", away - idle);
    endpoint.stop_relay(std::chrono::seconds(10));
  });
}
