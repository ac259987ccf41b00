// Confirmed publishes a second and CPU each: our machine on the event loop against librabbitmq on a thread of its own, on one private node,
// the same messages, the same window, in turns. The figures are in docs/rabbitmq-client.md.
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

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
    for (int i = 0; i < group && sent < messages; ++i, ++sent) batch.push_back({.tag = static_cast<std::uint64_t>(sent), .message = example(sent)});
    for (int seen = confirmed; sent - seen > window; seen = confirmed) confirmed.wait(seen);
    publish(batch);
  }
  for (int seen = confirmed; seen < messages; seen = confirmed) confirmed.wait(seen);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {.per_second = messages / took.count(), .cpu_each = (cpu_seconds() - cpu) / messages * 1e6};
}

/// librabbitmq as it is meant to be used: one thread owns the connection, others hand over.
class library_publisher {
 public:
  library_publisher(int port, publish_callback done) : done_(std::move(done)) {
    connection_ = amqp_new_connection();
    auto* const socket = amqp_tcp_socket_new(connection_);
    if (amqp_socket_open(socket, "127.0.0.1", port) != 0) throw std::runtime_error("librabbitmq cannot connect");
    check(amqp_login(connection_, "/", 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
    amqp_channel_open(connection_, 1);
    check(amqp_get_rpc_reply(connection_));
    amqp_confirm_select(connection_, 1);
    check(amqp_get_rpc_reply(connection_));
    wake_ = eventfd(0, EFD_NONBLOCK);
    thread_ = std::thread([this] { run(); });
  }
  ~library_publisher() {
    stopping_ = true;
    wake();
    thread_.join();
    amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
    close(wake_);
  }
  void publish(std::span<const outgoing_message> more) {
    {
      const std::lock_guard lock(mutex_);
      incoming_.insert(incoming_.end(), more.begin(), more.end());
    }
    wake();
  }

 private:
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error("librabbitmq was refused");
  }
  void wake() {
    const std::uint64_t one = 1;
    if (write(wake_, &one, sizeof one) < 0) std::perror("eventfd");
  }
  static amqp_bytes_t bytes_of(const std::string& text) { return {.len = text.size(), .bytes = const_cast<char*>(text.data())}; }

  void send(const outgoing_message& next) {
    const auto& message = *next.message;
    const auto wire = rabbitmq_detail::to_wire(message, {});
    std::vector<amqp_table_entry_t> entries;
    for (const auto& [name, value] : wire.headers) {
      amqp_table_entry_t entry{};
      entry.key = bytes_of(name);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = bytes_of(std::get<std::string>(value));
      entries.push_back(entry);
    }
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
                        AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties.content_type = bytes_of(wire.content_type);
    properties.headers = {.num_entries = static_cast<int>(entries.size()), .entries = entries.data()};
    properties.delivery_mode = 2;
    properties.correlation_id = bytes_of(wire.correlation_id);
    properties.message_id = bytes_of(wire.message_id);
    properties.timestamp = *wire.timestamp;
    properties.type = bytes_of(wire.type);
    properties.app_id = bytes_of(wire.app_id);
    if (amqp_basic_publish(connection_, 1, bytes_of(message.exchange), bytes_of(message.routing_key), 1, 0, &properties, bytes_of(message.body)) != AMQP_STATUS_OK)
      throw std::runtime_error("librabbitmq cannot publish");
    out_.push_back(next.tag);
  }

  void settle(std::uint64_t tag, bool multiple) {
    while (!out_.empty() && first_ <= tag) {
      if (!multiple && first_ < tag) break;  // RabbitMQ confirms in order on an idle classic queue; enough for a measurement
      done_(out_.front(), {});
      out_.pop_front();
      ++first_;
    }
  }

  void read_frames() {
    for (;;) {
      amqp_frame_t frame;
      timeval now{};
      if (amqp_simple_wait_frame_noblock(connection_, &frame, &now) != AMQP_STATUS_OK) return;
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
        const auto* const ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
        if (ack->multiple || ack->delivery_tag == first_)
          settle(ack->delivery_tag, true);
        else
          throw std::runtime_error("confirms out of order");
      }
      amqp_maybe_release_buffers(connection_);
    }
  }

  void run() {
    while (!stopping_) {
      pollfd waiting[2] = {{.fd = amqp_get_sockfd(connection_), .events = POLLIN, .revents = 0}, {.fd = wake_, .events = POLLIN, .revents = 0}};
      poll(waiting, 2, 1000);
      std::vector<outgoing_message> taken;
      if (waiting[1].revents != 0) {
        std::uint64_t count = 0;
        if (read(wake_, &count, sizeof count) < 0) continue;
        const std::lock_guard lock(mutex_);
        taken.swap(incoming_);
      }
      for (const auto& each : taken) send(each);
      read_frames();
    }
  }

  publish_callback done_;
  amqp_connection_state_t connection_ = nullptr;
  int wake_ = -1;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<outgoing_message> incoming_;
  std::deque<std::uint64_t> out_;
  std::uint64_t first_ = 1;
};

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
  through.declare({.exchanges = {{.name = "bench"}}, .queues = {{.name = "bench"}}, .bindings = {{.queue = "bench", .exchange = "bench", .routing_key = "order_created"}}});
  const auto purge = [&] { node.evaluate("{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"bench\">>)), rabbit_amqqueue:purge(Q)."); };
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
      library_publisher library(node.port(), count);
      theirs.push_back(measure([&](auto batch) { library.publish(batch); }, confirmed, group));
    }
    const auto a = median(ours), b = median(theirs);
    std::printf("handed over in groups of %2d, window %d, 256 B persistent: ours %.0f/s, %.1f us CPU each; librabbitmq %.0f/s, %.1f us CPU each; ratio %.2f, CPU %.2f\n", group, window,
                a.per_second, a.cpu_each, b.per_second, b.cpu_each, a.per_second / b.per_second, a.cpu_each / b.cpu_each);
    std::fflush(stdout);
  }
  return 0;
}
