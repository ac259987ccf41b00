// The transport against a real node: what the conformance suite, which knows no broker, cannot ask for.
#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/transport.hpp>
#include <mamey/runtime/runtime.hpp>

#include "rabbitmq_node.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 60s;

/// Things told from other threads, to be waited for.
template <class T>
class told {
 public:
  void add(T what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  template <class Predicate>
  bool await(Predicate holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(all_); });
  }
  std::optional<T> next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return !all_.empty(); })) return std::nullopt;
    auto first = std::move(all_.front());
    all_.pop_front();
    return first;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> all_;
};

class rabbitmq_broker : public ::testing::Test {
 protected:
  rabbitmq_options options() const {
    return {.host_names = {"127.0.0.1"}, .port = node().port(), .virtual_host = host_, .network_recovery_interval = 500ms};
  }
  std::shared_ptr<rabbitmq_transport> open(rabbitmq_options with) {
    return std::make_shared<rabbitmq_transport>(loops_.system_loop(), std::move(with), "test");
  }
  std::shared_ptr<rabbitmq_transport> open() { return open(options()); }
  static private_rabbitmq& node() { return *rabbitmq_node::running; }
  std::string in_host(const std::string& expression) const {  // HOST stands for the virtual host
    auto text = expression;
    for (auto at = text.find("HOST"); at != std::string::npos; at = text.find("HOST", at)) text.replace(at, 4, "<<\"" + host_ + "\">>");
    return text;
  }

  struct publishing {
    explicit publishing(transport& through)
        : channel(through.open_channel([this](std::uint64_t tag, const publish_outcome& what) { outcomes.add({tag, what}); },
                                       [this](channel_state now, std::string_view) { states.add(now); })) {}
    void send(std::uint64_t tag, const std::string& key = "created", std::string body = "{}", const std::string& exchange = "orders", std::string order = {}) {
      envelope message;
      message.id = "m" + std::to_string(tag);
      message.key = std::move(order);
      message.exchange = exchange;
      message.routing_key = key;
      message.body = std::move(body);
      const std::array one{outgoing_message{.tag = tag, .message = std::make_shared<const envelope>(std::move(message))}};
      channel->publish(one);
    }
    publish_outcome outcome_of(std::uint64_t tag) {
      publish_outcome found{.result = publish_result::broker_fault, .reason = "no outcome came"};
      outcomes.await([&](const auto& all) {
        for (const auto& each : all) {
          if (each.first == tag) return found = each.second, true;
        }
        return false;
      });
      return found;
    }
    bool await(channel_state wanted) {
      return states.await([&](const auto& all) { return !all.empty() && all.back() == wanted; });
    }
    told<std::pair<std::uint64_t, publish_outcome>> outcomes;
    told<channel_state> states;
    std::unique_ptr<outgoing_channel> channel;
  };

  static topology stock(bool ordered = false) {
    return {.exchanges = {{.name = "orders"}}, .queues = {{.name = "stock", .ordered = ordered}}, .bindings = {{.queue = "stock", .exchange = "orders", .routing_key = "created"}}};
  }

  std::string host_ = "v" + std::to_string(++rabbitmq_node::next);
  runtime loops_{{.threads = 1}};
};

TEST_F(rabbitmq_broker, a_foreign_exchange_in_another_form_is_used_as_it_is_and_our_own_likewise) {
  node().evaluate(in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"orders\">>), fanout, true, false, false, [], <<\"t\">>)."));
  auto through = open();
  auto wanted = stock();
  EXPECT_NO_THROW(through->declare(wanted));
  wanted.exchanges[0].foreign = true;
  EXPECT_NO_THROW(through->declare(wanted));
  publishing out(*through);
  out.send(1, "whatever");
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed) << "a fanout asks for no key";
}

TEST_F(rabbitmq_broker, a_queue_of_ours_in_another_form_is_a_conflict_of_that_subscription_alone) {
  auto through = open();
  through->declare(stock());
  auto wanted = stock(true);
  try {
    through->declare(wanted);
    FAIL() << "declared as ordered although it is not";
  } catch (const conflict& refused) {
    EXPECT_NE(refused.reason().find("stock"), std::string::npos) << refused.reason();
  }
  auto other = stock();
  other.queues[0].name = other.bindings[0].queue = "mail";
  EXPECT_NO_THROW(through->declare(other));
  told<delivery> inbox;
  EXPECT_NO_THROW(through->subscribe({.queue = "mail"}, [&](delivery next) { inbox.add(std::move(next)); }, {}));
}

TEST_F(rabbitmq_broker, consuming_a_queue_that_is_not_there_says_so) {
  auto through = open();
  EXPECT_THROW(through->subscribe({.queue = "nowhere"}, [](delivery) {}, {}), not_found);
}

TEST_F(rabbitmq_broker, a_missing_exchange_costs_the_others_no_attempt_and_is_refused_once_it_is_known) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1, "created", "{}", "nowhere");
  EXPECT_EQ(out.outcome_of(1).result, publish_result::broker_fault) << "declared again first";
  out.send(2, "created", "{}", "nowhere");
  out.send(1, "created", "{}", "nowhere");
  out.outcomes.await([](const auto& all) { return all.size() >= 3; });
  out.send(1, "created", "{}", "nowhere");
  ASSERT_TRUE(out.outcomes.await([](const auto& all) { return all.size() >= 4; }));
  const auto refused = [&] {
    std::size_t count = 0;
    out.outcomes.await([&](const auto& all) { return count = static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& each) { return each.first == 1 && each.second.result == publish_result::refused; })), true; });
    return count;
  };
  EXPECT_GE(refused(), 1U);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed) << "the rest flows";
}

TEST_F(rabbitmq_broker, what_is_too_large_or_has_no_place_in_a_frame_is_refused_before_it_is_sent) {
  auto with = options();
  with.max_message_bytes = 1024;
  auto through = open(with);
  through->declare(stock());
  publishing out(*through);
  out.send(1, "created", std::string(1025, 'x'));
  EXPECT_EQ(out.outcome_of(1).result, publish_result::refused);
  out.send(2, std::string(256, 'k'));
  EXPECT_EQ(out.outcome_of(2).result, publish_result::refused);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed);
}

TEST_F(rabbitmq_broker, an_exchange_deleted_under_us_is_declared_again) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  node().evaluate(in_host("rabbit_exchange:delete(rabbit_misc:r(HOST, exchange, <<\"orders\">>), false, <<\"t\">>)."));
  out.send(2);
  EXPECT_EQ(out.outcome_of(2).result, publish_result::broker_fault);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed) << "its binding is back as well";
}

TEST_F(rabbitmq_broker, an_alarm_blocks_publishing_and_its_end_lets_it_go_on) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  node().evaluate("rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).");
  out.send(2);
  EXPECT_TRUE(out.await(channel_state::blocked));
  EXPECT_TRUE(through->statistics().blocked);
  EXPECT_NE(through->statistics().trouble, "");
  EXPECT_THROW(through->check(), unavailable);
  told<delivery> inbox;
  const auto reading = through->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  const auto read = inbox.next();
  ASSERT_TRUE(read);
  read->settle->acknowledge();  // a connection of its own: the broker hears nothing more from the one that published
  node().evaluate("rabbit_alarm:clear_alarm({resource_limit, disk, node()}).");
  EXPECT_TRUE(out.await(channel_state::ready));
  EXPECT_EQ(out.outcome_of(2).result, publish_result::confirmed) << "sent once, not again";
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed);
}

TEST_F(rabbitmq_broker, a_consumer_whose_queue_goes_away_is_told_and_can_start_again) {
  auto through = open();
  through->declare(stock());
  told<consumer_state> states;
  const auto reading = through->subscribe({.queue = "stock"}, [](delivery) {}, [&](consumer_state now, std::string_view) { states.add(now); });
  node().evaluate(in_host("{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(HOST, queue, <<\"stock\">>)), rabbit_amqqueue:delete(Q, false, false, <<\"t\">>)."));
  EXPECT_EQ(states.next(), consumer_state::cancelled_by_broker);
  through->declare(stock());
  told<delivery> inbox;
  const auto again = through->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  publishing out(*through);
  out.send(1);
  auto got = inbox.next();
  ASSERT_TRUE(got);
  got->settle->acknowledge();
}

TEST_F(rabbitmq_broker, an_ordered_queue_moves_to_another_consumer_when_its_own_goes) {
  auto one = open();
  auto two = open();
  one->declare(stock(true));
  told<delivery> first, second;
  auto reading = one->subscribe({.queue = "stock", .ordered = true}, [&](delivery next) { first.add(std::move(next)); }, {});
  const auto waiting = two->subscribe({.queue = "stock", .ordered = true}, [&](delivery next) { second.add(std::move(next)); }, {});
  publishing out(*one);
  for (std::uint64_t tag = 1; tag <= 3; ++tag) out.send(tag, "created", "{}", "orders", "k");
  auto head = first.next();
  ASSERT_TRUE(head);
  EXPECT_EQ(head->message->id, "m1");
  EXPECT_EQ(second.size(), 0U);
  reading->cancel();
  reading->close();
  for (const auto* expected : {"m1", "m2", "m3"}) {
    auto got = second.next();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->message->id, expected);
    got->settle->acknowledge();
  }
}

TEST_F(rabbitmq_broker, an_ordered_queue_stays_with_its_consumer_while_that_is_at_work_on_a_head) {
  auto one = open();
  auto two = open();
  one->declare(stock(true));
  told<delivery> first, second;
  auto reading = one->subscribe({.queue = "stock", .ordered = true}, [&](delivery next) { first.add(std::move(next)); }, {});
  const auto waiting = two->subscribe({.queue = "stock", .ordered = true}, [&](delivery next) { second.add(std::move(next)); }, {});
  publishing out(*one);
  out.send(1, "created", "{}", "orders", "k");
  const auto head = first.next();
  ASSERT_TRUE(head);
  reading->cancel();
  out.send(2, "created", "{}", "orders", "k");
  ASSERT_EQ(out.outcome_of(2).result, publish_result::confirmed);
  two->declare(stock(true));
  EXPECT_EQ(second.size(), 0U) << "a follower beside its head";
  head->settle->acknowledge();
  reading->close();
  const auto follower = second.next();
  ASSERT_TRUE(follower);
  EXPECT_EQ(follower->message->id, "m2");
  follower->settle->acknowledge();
}

TEST_F(rabbitmq_broker, many_hosts_are_tried_until_one_answers) {
  auto with = options();
  with.host_names = {"127.0.0.1:1", "127.0.0.1:" + std::to_string(node().port())};
  auto through = open(with);
  EXPECT_NO_THROW(through->declare(stock()));
}

TEST_F(rabbitmq_broker, a_wrong_password_is_said_as_such) {
  auto with = options();
  with.password = "wrong";
  auto through = open(with);
  try {
    through->declare(stock());
    FAIL() << "let in with a wrong password";
  } catch (const unavailable& refused) {
    EXPECT_NE(refused.reason().find("ACCESS_REFUSED"), std::string::npos) << refused.reason();
  }
}

TEST_F(rabbitmq_broker, speaks_tls_and_shows_its_certificate) {
  const auto& made = *rabbitmq_node::certificates;
  auto with = options();
  with.port = node().tls_port();
  with.ssl = {.enabled = true, .server_name = "localhost", .certificate_path = made.certificate("client"), .key_path = made.key("client"), .ca_certificate_path = made.ca()};
  auto through = open(with);
  through->declare(stock());
  told<delivery> inbox;
  const auto reading = through->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  publishing out(*through);
  const std::string large(3'000'000, 'x');
  out.send(1, "created", large);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  auto got = inbox.next();
  ASSERT_TRUE(got);
  EXPECT_EQ(got->message->body, large);
  got->settle->acknowledge();

  with.ssl.certificate_path = with.ssl.key_path = "";
  EXPECT_THROW(open(with)->declare(stock()), unavailable) << "the broker asks for a certificate";
  auto misnamed = with;
  misnamed.ssl.server_name = "elsewhere";
  EXPECT_THROW(open(misnamed)->declare(stock()), unavailable);
}

TEST_F(rabbitmq_broker, reads_a_client_certificate_from_a_pfx_file) {
  const auto& made = *rabbitmq_node::certificates;
  made.run("pkcs12 -export -in client.pem -inkey client.key -passout pass:geheim -out client.pfx");
  auto with = options();
  with.port = node().tls_port();
  with.ssl = {.enabled = true, .server_name = "localhost", .certificate_path = made.file("client.pfx"), .certificate_password = "geheim", .ca_certificate_path = made.ca()};
  EXPECT_NO_THROW(open(with)->declare(stock()));
}

/// Publishes until each is confirmed, as a relay does: what fails is sent again under its id.
TEST_F(rabbitmq_broker, nothing_confirmed_is_lost_when_the_broker_is_killed_again_and_again) {
  constexpr std::uint64_t count = 3000;
  auto through = open();
  through->declare(stock());
  told<consumer_state> states;
  std::mutex guard;
  std::set<std::string> arrived;
  std::uint64_t acknowledged = 0;
  std::unique_ptr<consumer> reading;
  const auto consume = [&] {
    reading.reset();
    reading = through->subscribe({.queue = "stock", .prefetch = 50},
                                 [&](delivery next) {
                                   const std::lock_guard lock(guard);
                                   arrived.insert(next.message->id);
                                   ++acknowledged;
                                   next.settle->acknowledge();
                                 },
                                 [&](consumer_state now, std::string_view) { states.add(now); });
  };
  consume();
  std::set<std::uint64_t> open_tags;
  for (std::uint64_t tag = 1; tag <= count; ++tag) open_tags.insert(tag);
  publishing out(*through);
  int kills = 0;
  std::deque<std::uint64_t> due(open_tags.begin(), open_tags.end());
  std::size_t in_flight = 0;
  while (!open_tags.empty()) {
    while (in_flight < 100 && !due.empty()) {
      out.send(due.front());
      due.pop_front();
      ++in_flight;
    }
    const auto told_of = out.outcomes.next();
    ASSERT_TRUE(told_of) << open_tags.size() << " were never confirmed";
    --in_flight;
    if (told_of->second.result == publish_result::confirmed)
      open_tags.erase(told_of->first);
    else
      due.push_back(told_of->first);
    if (kills < 2 && open_tags.size() < count - 700 * (static_cast<std::uint64_t>(kills) + 1)) {
      ++kills;
      node().kill_hard();
      ASSERT_TRUE(out.await(channel_state::down));
      node().start();
      ASSERT_TRUE(out.await(channel_state::ready));
    }
  }
  EXPECT_EQ(kills, 2);
  EXPECT_GE(states.size(), 1U) << "the consumer was told";
  const auto all_there = [&] {
    const std::lock_guard lock(guard);
    return arrived.size() == count;
  };
  const auto until = steady_now() + patience;
  while (!all_there() && steady_now() < until) {
    try {
      through->declare(stock());
      consume();
    } catch (const unavailable&) {
    }
    publishing marker(*through);  // comes after what waits in the queue
    marker.send(count + 1);
    marker.outcome_of(count + 1);
    const auto arrived_too = [&] {
      const std::lock_guard lock(guard);
      return arrived.erase("m" + std::to_string(count + 1)) > 0;
    };
    const auto look_again = steady_now() + 2s;
    while (!arrived_too() && steady_now() < look_again) std::this_thread::yield();
  }
  const std::lock_guard lock(guard);
  EXPECT_EQ(arrived.size(), count);
}

TEST_F(rabbitmq_broker, a_broker_that_is_away_fails_at_once_and_is_found_when_it_comes) {
  node().kill_hard();
  auto through = open();
  EXPECT_THROW(through->declare(stock()), unavailable);
  EXPECT_THROW(through->check(), unavailable);
  publishing out(*through);
  EXPECT_TRUE(out.await(channel_state::down));
  out.send(1);
  const auto outcome = out.outcome_of(1);
  EXPECT_EQ(outcome.result, publish_result::broker_fault);
  EXPECT_TRUE(outcome.untouched);
  node().start();
  EXPECT_TRUE(out.await(channel_state::ready));
  out.send(2);
  EXPECT_EQ(out.outcome_of(2).result, publish_result::confirmed) << "what could not be declared then was declared on the way back";
  const auto until = steady_now() + patience;
  while (!through->statistics().consuming && steady_now() < until) std::this_thread::yield();  // the other connection, at its own pace
  EXPECT_EQ(through->statistics().trouble, "");
}

}  // namespace
}  // namespace mamey::testing
