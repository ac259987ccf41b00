// Confirmed publishes a second and CPU each: our machine on the event loop against librabbitmq on a thread of its own, on one private node,
// the same messages, the same window, in turns. The figures are in docs/rabbitmq-client.md.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <vector>

#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

#include "library_publisher.hpp"
#include "tests/support/private_rabbitmq.hpp"

namespace {

using namespace mamey;

constexpr int messages = 60'000;
constexpr int window = 256;
constexpr int rounds = 3;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::shared_ptr<const envelope> example(int number) {
  auto made = std::make_shared<envelope>();
  made->id = "0191d7d1c0a07000a0000000" + std::to_string(10'000'000 + number);
  made->correlation_id = "0191d7d1c0a07000a0000000000000cc";
  made->type = "OrderCreated";
  made->source = "orders";
  made->occurred_at = wall_time(std::chrono::seconds(1'700'000'000));
  made->traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  made->exchange = "bench";
  made->routing_key = "order_created";
  made->body = std::string(256, 'x');
  return made;
}

struct figures {
  double per_second = 0, cpu_each = 0;
};

/// Hands `messages` over in groups of `group`, never more than `window` unconfirmed, and waits for all.
figures measure(const std::function<void(std::span<const outgoing_message>)>& publish, std::atomic<int>& confirmed, int group) {
  std::vector<outgoing_message> batch;
  confirmed = 0;
  const auto cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  for (int sent = 0; sent < messages;) {
    batch.clear();
    for (int i = 0; i < group && sent < messages; ++i, ++sent)
      batch.push_back({.tag = static_cast<std::uint64_t>(sent), .message = example(sent)});
    for (int seen = confirmed; sent - seen > window; seen = confirmed) confirmed.wait(seen);
    publish(batch);
  }
  for (int seen = confirmed; seen < messages; seen = confirmed) confirmed.wait(seen);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {.per_second = messages / took.count(), .cpu_each = (cpu_seconds() - cpu) / messages * 1e6};
}

figures median(std::vector<figures> all) {
  std::ranges::sort(all, {}, &figures::per_second);
  return all[all.size() / 2];
}

}  // namespace

int main() {
  testing::private_rabbitmq node;
  runtime loops({.threads = 1});
  std::atomic<int> confirmed{0};
  const auto count = [&](std::uint64_t, const publish_outcome& outcome) {
    if (outcome.result != publish_result::confirmed) std::printf("not confirmed: %s\n", outcome.reason.c_str());
    ++confirmed;
    confirmed.notify_one();
  };
  rabbitmq_transport through(loops.system_loop(), {.host_names = {"127.0.0.1"}, .port = node.port()}, "bench");
  through.declare({.exchanges = {{.name = "bench"}},
                   .queues = {{.name = "bench"}},
                   .bindings = {{.queue = "bench", .exchange = "bench", .routing_key = "order_created"}}});
  const auto purge = [&] {
    node.evaluate("{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"bench\">>)), rabbit_amqqueue:purge(Q).");
  };
  std::atomic<bool> ready{false};
  const auto out = through.open_channel(count, [&](channel_state now, std::string_view) {
    if (now != channel_state::ready) return;
    ready = true;
    ready.notify_one();
  });
  ready.wait(false);
  for (const int group : {1, 32}) {
    std::vector<figures> ours, theirs;
    for (int round = 0; round < rounds; ++round) {
      purge();
      ours.push_back(measure([&](auto batch) { out->publish(batch); }, confirmed, group));
      purge();
      bench::library_publisher library(node.port(), count);
      theirs.push_back(measure([&](auto batch) { library.publish(batch); }, confirmed, group));
    }
    const auto a = median(ours), b = median(theirs);
    std::printf(
        "handed over in groups of %2d, window %d, 256 B persistent: ours %.0f/s, %.1f us CPU each; librabbitmq %.0f/s, %.1f us CPU each; "
        "ratio %.2f, CPU %.2f\n",
        group, window, a.per_second, a.cpu_each, b.per_second, b.cpu_each, a.per_second / b.per_second, a.cpu_each / b.cpu_each);
    std::fflush(stdout);
  }
  return 0;
}
