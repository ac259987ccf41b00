// Retries of modules without a store wait at the broker: through the restart of either side, and never lost between its two copies.
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

#include "../support/tcp_gate.hpp"
#include "rabbitmq_node.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;

class inbox {
 public:
  void add(delivery next) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(next));
    changed_.notify_all();
  }
  std::optional<delivery> next(std::chrono::seconds within = patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, within, [&] { return !waiting_.empty(); })) return std::nullopt;
    auto first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<delivery> waiting_;
};

class rabbitmq_delays : public ::testing::Test {
 protected:
  static private_rabbitmq& node() { return *rabbitmq_node::running; }
  std::shared_ptr<rabbitmq_transport> open(std::uint16_t port) {
    return std::make_shared<rabbitmq_transport>(
        loops_.system_loop(),
        rabbitmq_options{.host_names = {"127.0.0.1"}, .port = port, .virtual_host = host_, .network_recovery_interval = 300ms}, "test");
  }
  static topology stock(std::vector<std::chrono::milliseconds> waits) {
    return {.exchanges = {{.name = "orders"}},
            .queues = {{.name = "stock", .delays = std::move(waits)}},
            .bindings = {{.queue = "stock", .exchange = "orders", .routing_key = "created"}}};
  }
  static std::unique_ptr<consumer> subscribe(transport& through, inbox& into, std::vector<std::chrono::milliseconds> waits) {
    const auto until = steady_now() + patience;
    while (true) {  // as a subscription does
      try {
        through.declare(stock(waits));
        return through.subscribe({.queue = "stock", .delays = waits}, [&into](delivery next) { into.add(std::move(next)); }, {});
      } catch (const unavailable&) {
        if (steady_now() > until) throw;
      }
    }
  }
  void publish(transport& through, const std::string& id) {
    std::mutex guard;
    std::condition_variable changed;
    std::optional<publish_result> ended;
    auto out = through.open_channel(
        [&](std::uint64_t, const publish_outcome& what) {
          const std::lock_guard lock(guard);
          ended = what.result;
          changed.notify_all();
        },
        {});
    envelope message;
    message.id = id;
    message.exchange = "orders";
    message.routing_key = "created";
    message.headers["Saga"] = "pending";
    message.body = "{}";
    const std::array one{outgoing_message{.tag = 1, .message = std::make_shared<const envelope>(std::move(message))}};
    out->publish(one);
    std::unique_lock lock(guard);
    ASSERT_TRUE(changed.wait_for(lock, patience, [&] { return ended.has_value(); }));
    ASSERT_EQ(*ended, publish_result::confirmed);
  }
  /// Messages of a queue, those that are out included.
  bool await_depth(const std::string& queue, int wanted) {
    const auto look = "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"" + host_ + "\">>, queue, <<\"" + queue +
                      "\">>)), [{messages, N}] = rabbit_amqqueue:info(Q, [messages]), io:format(\"depth ~p~n\", [N]).";
    const auto until = steady_now() + patience;
    while (steady_now() < until) {
      if (node().evaluate(look).find("depth " + std::to_string(wanted)) != std::string::npos) return true;
    }
    return false;
  }

  const std::string host_ = rabbitmq_node::running->new_virtual_host();
  runtime loops_{{.threads = 1}};
};

TEST_F(rabbitmq_delays, a_message_given_back_for_later_waits_at_the_broker_and_returns_to_its_queue_alone) {
  auto through = open(node().port());
  inbox got, elsewhere;
  const auto reading = subscribe(*through, got, {200ms, 1h});
  through->declare({.exchanges = {{.name = "orders"}},
                    .queues = {{.name = "mail"}},
                    .bindings = {{.queue = "mail", .exchange = "orders", .routing_key = "created"}}});
  const auto other = through->subscribe({.queue = "mail"}, [&](delivery next) { elsewhere.add(std::move(next)); }, {});
  publish(*through, "m1");
  for (int starts = 1; starts <= 3; ++starts) {
    auto next = got.next();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->message->id, "m1");
    EXPECT_EQ(next->starts, starts) << "the count travels along";
    EXPECT_EQ(next->message->exchange, "orders");
    EXPECT_EQ(next->message->routing_key, "created");
    EXPECT_EQ(next->message->headers.at("Saga"), "pending");
    if (starts < 3)
      next->settle->give_back(250ms, start_counting::counted);
    else
      next->settle->acknowledge();
  }
  auto copy = elsewhere.next();
  ASSERT_TRUE(copy);
  copy->settle->acknowledge();
  EXPECT_FALSE(elsewhere.next(1s)) << "retries are no concern of other queues";
  EXPECT_EQ(through->statistics().delayed, 2U);
}

TEST_F(rabbitmq_delays, what_waits_survives_the_broker) {
  auto through = open(node().port());
  inbox got;
  auto reading = subscribe(*through, got, {3s});
  publish(*through, "m1");
  auto first = got.next();
  ASSERT_TRUE(first);
  first->settle->give_back(3s, start_counting::counted);
  while (through->statistics().delayed == 0) std::this_thread::yield();
  node().kill_hard();
  node().start();
  reading.reset();
  reading = subscribe(*through, got, {3s});
  // A copy that its queue does not confirm is sent again by the broker only after three minutes.
  auto again = got.next(240s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->message->id, "m1");
  again->settle->acknowledge();
}

TEST_F(rabbitmq_delays, between_its_copy_and_its_acknowledgement_a_message_is_there_twice_and_never_lost) {
  tcp_gate gate(node().port());
  auto through = open(gate.port());
  inbox got;
  auto reading = subscribe(*through, got, {500ms});
  publish(*through, "m0");  // opens the ways
  auto opened = got.next();
  ASSERT_TRUE(opened);
  opened->settle->give_back(500ms, start_counting::counted);
  opened = got.next();
  ASSERT_TRUE(opened);
  opened->settle->acknowledge();
  publish(*through, "m1");
  auto first = got.next();
  ASSERT_TRUE(first);
  gate.hold_answers(true);  // the confirm does not come back
  first->settle->give_back(500ms, start_counting::counted);
  ASSERT_TRUE(await_depth("stock", 2)) << "the copy came back behind the original, which is still out";
  gate.cut();
  reading.reset();
  gate.hold_answers(false);
  reading = subscribe(*through, got, {500ms});
  int copies = 0;
  while (auto next = got.next(copies < 2 ? patience : std::chrono::seconds(1))) {
    EXPECT_EQ(next->message->id, "m1");
    next->settle->acknowledge();
    ++copies;
  }
  EXPECT_EQ(copies, 2);
}

TEST_F(rabbitmq_delays, a_settlement_of_a_channel_that_is_gone_is_dropped) {
  tcp_gate gate(node().port());
  auto through = open(gate.port());
  inbox got;
  auto reading = subscribe(*through, got, {});
  publish(*through, "m1");
  auto first = got.next();
  ASSERT_TRUE(first);
  gate.cut();
  first->settle->acknowledge();
  auto old = std::move(reading);
  reading = subscribe(*through, got, {});
  auto again = got.next();
  ASSERT_TRUE(again) << "what was not settled comes again";
  EXPECT_EQ(again->message->id, "m1");
  EXPECT_TRUE(again->redelivered);
  again->settle->acknowledge();
  publish(*through, "m2");
  auto next = got.next();
  ASSERT_TRUE(next) << "the broker had nothing to complain of";
  next->settle->acknowledge();
}

}  // namespace
}  // namespace mamey::testing
