// The outbox relay from PostgreSQL to RabbitMQ, 256 B, persistent, confirmed; against publishers without a database and the same window
// (ours and librabbitmq, the faster counts), and against Watermill's SQL to AMQP forwarder (Go; left out when there is no Go). One server
// and one node for all, in turns; whose CPU each message took stands beside the rates.

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/persistence/postgres/store.hpp>

#include "cpu_use.hpp"
#include "library_publisher.hpp"
#include "outbox_rows.hpp"
#include "pgbench.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace {

constexpr int rows = 20'000, rounds = 4, watermill_rows = 2'000, watermill_rounds = 3;
const int window = mamey::outbox_options{}.window;

/// Microseconds of CPU a message since `before`: where the time of a rate goes.
void print_profile(const char* what, int messages, const bench::cpu_use& before, double bench::cpu_use::* sender) {
  const auto now = bench::cpu_use::now();
  const auto micros = [&](double seconds) { return seconds * 1e6 / messages; };
  std::printf("drain  CPU a message, µs: %s %.1f  RabbitMQ %.1f  PostgreSQL %.1f\n", what, micros(now.*sender - before.*sender),
              micros(now.of("beam.smp", before)), micros(now.of("postgres", before)));
}

/// Messages a second from the first claim until no row is left.
double drain(mamey::runtime& loops, mamey::postgres_store& store, mamey::transport& through,
             const mamey::testing::postgres_server& server) {
  bench::fill_outbox(server, rows);
  return loops.run([&] {
    mamey::message_endpoint endpoint(bench::relaying(loops, store, through));
    const auto before = bench::cpu_use::now();
    const auto begin = std::chrono::steady_clock::now();
    endpoint.start_relay();
    for (;;) {
      const auto now = endpoint.statistics().outbox;
      if (now.counts.confirmed >= rows && now.in_hand == 0) break;
      mamey::sleep_for(std::chrono::milliseconds(1));
    }
    const auto rate = rows / bench::seconds_since(begin);
    print_profile("relay", rows, before, &bench::cpu_use::self);
    endpoint.stop_relay(std::chrono::seconds(10));
    return rate;
  });
}

/// The same messages from memory, in groups as large as a claim, never more than the window unconfirmed.
double publish(const std::function<void(std::span<const mamey::outgoing_message>)>& send, std::atomic<int>& confirmed) {
  mamey::envelope message;
  message.correlation_id = "0191d7d1c0a07000a0000000000000cc";
  message.type = "OrderCreated";
  message.source = "orders";
  message.occurred_at = mamey::wall_time(std::chrono::seconds(1'700'000'000));
  message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  message.exchange = "bench";
  message.routing_key = "order_created";
  message.body = std::string(bench::body_bytes, 'x');
  std::vector<mamey::outgoing_message> batch;
  confirmed = 0;
  const auto before = bench::cpu_use::now();
  const auto begin = std::chrono::steady_clock::now();
  for (int sent = 0; sent < rows;) {
    const int seen = confirmed;
    const int room = std::min({window - (sent - seen), rows - sent, mamey::outbox_options{}.batch});
    if (room == 0) {
      confirmed.wait(seen);
      continue;
    }
    batch.clear();
    for (int i = 0; i < room; ++i, ++sent) {
      message.id = "0191d7d1c0a07000a0000000" + std::to_string(10'000'000 + sent);
      batch.push_back({.tag = static_cast<std::uint64_t>(sent), .message = std::make_shared<const mamey::envelope>(message)});
    }
    send(batch);
  }
  for (int seen = confirmed; seen < rows; seen = confirmed) confirmed.wait(seen);
  const auto rate = rows / bench::seconds_since(begin);
  print_profile("publisher", rows, before, &bench::cpu_use::self);
  return rate;
}

/// Messages a second of the forwarder; 0: there is no Go.
double forward(const mamey::testing::postgres_server& server, const mamey::testing::private_rabbitmq& node) {
  static const mamey::testing::temporary_directory folder;
  static const auto go = std::string(std::filesystem::exists("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : "go");
  static const bool built =
      std::system(("cd " BENCH_FOLDER "/watermill && " + go + " build -o " + folder.file("forward") + " .").c_str()) == 0;
  if (!built) return 0;
  const auto command = folder.file("forward") + " 'postgres://mamey@127.0.0.1:" + std::to_string(server.port()) +
                       "/postgres?sslmode=disable' amqp://guest:guest@127.0.0.1:" + std::to_string(node.port()) + "/ " +
                       std::to_string(watermill_rows);
  const auto before = bench::cpu_use::now();
  FILE* const pipe = ::popen(command.c_str(), "r");
  double rate = 0;
  if (pipe == nullptr || std::fscanf(pipe, "%lf", &rate) != 1 || ::pclose(pipe) != 0) throw std::runtime_error("the forwarder failed");
  print_profile("forwarder, its rows' insertion included,", watermill_rows, before, &bench::cpu_use::ended_children);
  return rate;
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

  std::atomic<int> confirmed{0};
  const auto count = [&](std::uint64_t, const mamey::publish_outcome& outcome) {
    if (outcome.result != mamey::publish_result::confirmed) std::printf("not confirmed: %s\n", outcome.reason.c_str());
    ++confirmed;
    confirmed.notify_one();
  };
  std::atomic<bool> ready{false};
  const auto out = through.open_channel(count, [&](mamey::channel_state now, std::string_view) {
    if (now != mamey::channel_state::ready) return;
    ready = true;
    ready.notify_one();
  });
  ready.wait(false);

  bench::comparison against_ours, against_library;
  for (int round = 0; round <= rounds; ++round) {
    bench::purge(node);
    const auto drained = drain(loops, store, through, server);
    bench::purge(node);
    const auto ours = publish([&](auto batch) { out->publish(batch); }, confirmed);
    bench::purge(node);
    bench::library_publisher library(node.port(), count);
    const auto theirs = publish([&](auto batch) { library.publish(batch); }, confirmed);
    if (round == 0) continue;  // it warms up
    against_ours.ours.push_back(drained), against_ours.theirs.push_back(ours);
    against_library.ours.push_back(drained), against_library.theirs.push_back(theirs);
  }
  const auto goal = 0.7;
  const bool ours_is_faster = bench::median(against_ours.theirs) >= bench::median(against_library.theirs);
  bench::print("drain", "our publisher without a database", against_ours, ours_is_faster ? goal : 0);
  bench::print("drain", "librabbitmq without a database", against_library, ours_is_faster ? 0 : goal);

  bench::comparison against_watermill;
  for (int round = 0; round < watermill_rounds; ++round) {
    bench::purge(node);
    against_watermill.ours.push_back(drain(loops, store, through, server));
    against_watermill.theirs.push_back(forward(server, node));
    if (against_watermill.theirs.back() > 0) continue;
    std::printf("drain: NOT compared with Watermill: Go is not here, or cannot fetch it\n");
    return 0;
  }
  bench::print("drain", "Watermill's forwarder", against_watermill, 10);
}
