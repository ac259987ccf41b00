// From a commit with an outbox row to the start of its handler, at 200 a second, through PostgreSQL and RabbitMQ: unordered, and ordered by key beside it.

#include <algorithm>
#include <map>
#include <mutex>

#include <mamey/core/uuid.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/persistence/postgres/store.hpp>

#include "outbox_rows.hpp"
#include "pgbench.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace {

using clock = std::chrono::steady_clock;
constexpr int a_second = 200, seconds = 15, warm_up = 400, keys = 100;

class stop_watch {
 public:
  void committed(const std::string& id, clock::time_point at) {
    const std::lock_guard lock(guard_);
    note(id, at, true);
  }
  void started(const std::string& id) {
    const auto now = clock::now();
    const std::lock_guard lock(guard_);
    note(id, now, false);
  }
  std::size_t count() const {
    const std::lock_guard lock(guard_);
    return taken_.size();
  }
  /// Milliseconds, ascending, without those of the warm-up.
  std::vector<double> taken() const {
    const std::lock_guard lock(guard_);
    std::vector<double> all(taken_.begin() + warm_up, taken_.end());
    std::ranges::sort(all);
    return all;
  }

 private:
  void note(const std::string& id, clock::time_point at, bool is_commit) {
    const auto [found, first] = seen_.try_emplace(id, at);
    if (first) return;  // a handler may start before its committer runs again
    taken_.push_back(is_commit ? 0 : std::chrono::duration<double, std::milli>(at - found->second).count());
    seen_.erase(found);
  }
  mutable std::mutex guard_;
  std::map<std::string, clock::time_point> seen_;
  std::vector<double> taken_;
};

void measure(mamey::runtime& loops, mamey::store& store, mamey::transport& through, bool ordered) {
  stop_watch watch;
  auto parts = bench::relaying(loops, store, through, {.ordered = ordered});
  mamey::subscription heard{.name = "heard",
                            .message_type = "OrderCreated",
                            .exchange = "bench",
                            .routing_key = "order_created",
                            .queue = ordered ? "bench_ordered" : "bench",
                            .ordered = ordered,
                            .handlers = {}};
  heard.foreign_exchange = false;
  heard.handlers.push_back({.name = "heard",
                            .aliases = {},
                            .handle =
                                [&](const mamey::envelope& message, mamey::handling_context& context) {
                                  watch.started(message.id);
                                  mamey::change_set changes;
                                  context.seal(changes);
                                  return store.commit(changes) == mamey::commit_outcome::committed
                                             ? mamey::handling_result::committed
                                             : mamey::handling_result::already_handled;
                                },
                            .on_failure = {}});
  parts.subscriptions.push_back(std::move(heard));
  loops.run([&] {
    mamey::message_endpoint endpoint(std::move(parts));
    endpoint.declare();
    endpoint.start_consuming();
    endpoint.start_relay();
    constexpr int total = warm_up + a_second * seconds;
    const auto begin = mamey::steady_now();
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int i = 0; i < total; ++i) {
        mamey::sleep_until(begin + std::chrono::microseconds(1'000'000 / a_second) * i);
        scope.spawn("command", [&, i] {
          mamey::envelope message;
          message.id = mamey::uuid::v7().to_compact_string();
          message.type = "OrderCreated";
          message.occurred_at = mamey::wall_now();
          message.exchange = "bench";
          message.routing_key = "order_created";
          message.body = std::string(bench::body_bytes, 'x');
          if (ordered) message.key = std::to_string(i % keys);
          mamey::change_set changes;
          changes.outbox.push_back(message);
          store.commit(changes);
          watch.committed(message.id, clock::now());
        });
      }
    });
    while (watch.count() < total) mamey::sleep_for(std::chrono::milliseconds(5));
    endpoint.cancel_consumers();
    endpoint.finish_in_flight(std::chrono::seconds(10));
    endpoint.stop_relay(std::chrono::seconds(10));
  });
  const auto taken = watch.taken();
  const auto at = [&](double share) { return taken[static_cast<std::size_t>(static_cast<double>(taken.size() - 1) * share)]; };
  std::printf("commit to handler start, %d/s, %s: p50 %.2f ms, p99 %.2f ms, longest %.2f ms", a_second,
              ordered ? "ordered by key" : "unordered", at(0.5), at(0.99), taken.back());
  if (!ordered) std::printf("   goal p50 < 5 ms, p99 < 25 ms: %s", at(0.5) < 5 && at(0.99) < 25 ? "met" : "MISSED");
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main() {
  const mamey::testing::postgres_server server(bench::server_settings());
  mamey::testing::private_rabbitmq node;
  mamey::runtime loops({.threads = 1});
  mamey::postgres_store store({.connection_string = server.connection_string(), .schema = bench::schema});
  loops.run([&] { store.prepare({}); });
  mamey::rabbitmq_transport through(loops.system_loop(), {.host_names = {"127.0.0.1"}, .port = node.port()}, "bench");
  loops.run([&] { through.declare({.exchanges = {{.name = "bench"}}}); });
  for (const bool ordered : {false, true}) {
    measure(loops, store, through, ordered);
    loops.run([&] { mamey::sleep_for(std::chrono::milliseconds(200)); });
  }
}
