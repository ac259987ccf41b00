// Consumers and what happens to them.
#include <mamey/messaging/rabbitmq/detail/subscriber.hpp>

#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

TEST_F(rabbitmq_broker, consuming_a_queue_that_is_not_there_says_so) {
  auto through = open();
  EXPECT_THROW(through->subscribe({.queue = "nowhere"}, [](delivery) {}, {}), not_found);
}

TEST_F(rabbitmq_broker, a_consumer_whose_queue_goes_away_is_told_and_can_start_again) {
  auto through = open();
  through->declare(stock());
  told<consumer_state> states;
  const auto reading =
      through->subscribe({.queue = "stock"}, [](delivery) {}, [&](consumer_state now, std::string_view) { states.add(now); });
  node().evaluate(in_host(
      "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(HOST, queue, <<\"stock\">>)), rabbit_amqqueue:delete(Q, false, false, <<\"t\">>)."));
  EXPECT_EQ(states.next(), consumer_state::cancelled_by_broker);
  through->declare(stock());
  told<delivery> inbox;
  const auto again = through->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
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
  ASSERT_TRUE(out.await(channel_state::ready));
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
  ASSERT_TRUE(out.await(channel_state::ready));
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

/// The subscriber alone, so that a test may say to the broker what the subscriber never would.
TEST_F(rabbitmq_broker, a_settlement_the_broker_does_not_know_ends_the_channel_and_nothing_else) {
  using namespace rabbitmq_detail;
  open()->declare(stock());
  const auto link = std::make_shared<broker_link>(loops_.system_loop(), link_settings{.options = options(), .name = "wrong", .tls = {}});
  link->start();
  const std::shared_ptr<void> stops(nullptr, [&](void*) { link->stop(5s); });
  told<delivery> inbox;
  told<std::string> ends;
  const auto subscribe = [&] {
    auto made = std::make_shared<subscriber>(
        link, wire_format{}, options(), queue_options{.queue = "stock"}, std::make_shared<counters>(), std::make_shared<starts>(), nullptr,
        [&](delivery next) { inbox.add(std::move(next)); },
        [&](consumer_state now, std::string_view why) {
          EXPECT_EQ(now, consumer_state::closed);
          ends.add(std::string(why));
        });
    made->start();
    return made;
  };
  auto through = open();
  auto reading = subscribe();
  publishing out(*through);
  EXPECT_TRUE(out.await(channel_state::ready));
  out.send(1);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  auto first = inbox.next();
  ASSERT_TRUE(first);
  link->post([](broker_link& self) { self.amqp().acknowledge(1, 4711, false); });
  const auto why = ends.next();
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("406"), std::string::npos) << *why;
  EXPECT_NE(why->find("unknown delivery tag 4711"), std::string::npos) << *why;
  reading->close();
  first->settle->acknowledge();  // of the channel that is gone
  const auto again = subscribe();
  auto second = inbox.next();
  ASSERT_TRUE(second) << "what was not settled comes again";
  EXPECT_EQ(second->message->id, "m1");
  EXPECT_TRUE(second->redelivered);
  second->settle->acknowledge();
  EXPECT_EQ(link->connects(), 1U) << "the connection had nothing to do with it";
  again->close();
}

class rabbitmq_too_large : public rabbitmq_broker {
 protected:
  /// Publishes a large message between two small ones, and consumes with a limit of a thousand bytes.
  std::unique_ptr<consumer> run(rabbitmq_options with, bool ordered) {
    wanted_ = stock(ordered);
    through = open(with);
    through->declare(wanted_);
    auto large = options();
    large.queue = with.queue;
    from = open(large);
    out = std::make_unique<publishing>(*from);
    EXPECT_TRUE(out->await(channel_state::ready));
    out->send(1, "created", "{}", "orders", "k");
    out->send(2, "created", body, "orders", "k");
    out->send(3, "created", "{}", "orders", "k");
    EXPECT_EQ(out->outcome_of(3).result, publish_result::confirmed);
    return consume(*through);
  }
  std::unique_ptr<consumer> consume(transport& by) {
    return by.subscribe({.queue = "stock", .ordered = wanted_.queues[0].ordered}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  }
  rabbitmq_options small() const {
    auto with = options();
    with.max_message_bytes = 1024;
    return with;
  }
  void expect_next(const std::string& id) {
    auto next = inbox.next();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->message->id, id);
    EXPECT_EQ(next->message->body, id == "m2" ? body : "{}");
    next->settle->acknowledge();
  }
  const std::string body = std::string(300'000, 'x');
  std::shared_ptr<rabbitmq_transport> through, from;
  std::unique_ptr<publishing> out;
  told<delivery> inbox;

 private:
  topology wanted_;
};

TEST_F(rabbitmq_too_large, a_message_stays_in_its_queue_untouched_and_the_others_pass) {
  auto reading = run(small(), false);
  expect_next("m1");
  expect_next("m3");
  EXPECT_EQ(through->statistics().too_large_kept, 1U);
  reading.reset();
  EXPECT_EQ(through->statistics().too_large_kept, 0U);
  const auto with_room = consume(*from);
  expect_next("m2");
}

TEST_F(rabbitmq_too_large, in_an_ordered_queue_its_followers_wait_for_it) {
  auto reading = run(small(), true);
  expect_next("m1");
  out->send(4, "created", "{}", "orders", "other");
  expect_next("m4");
  EXPECT_EQ(inbox.size(), 0U);
  reading.reset();
  const auto with_room = consume(*from);
  expect_next("m2");
  expect_next("m3");
}

TEST_F(rabbitmq_too_large, the_broker_moves_it_aside_where_the_queue_says_so) {
  for (const auto* type : {"", "quorum"}) {
    host_ = rabbitmq_node::running->new_virtual_host();
    auto with = small();
    with.queue.park_too_large = true;
    with.queue.type = type;
    auto reading = run(with, true);
    expect_next("m1");
    expect_next("m3");
    EXPECT_EQ(through->statistics().too_large, 1U);
    told<delivery> aside;
    const auto looking = from->subscribe({.queue = "stock.too-large"}, [&](delivery next) { aside.add(std::move(next)); }, {});
    auto parked = aside.next();
    ASSERT_TRUE(parked);
    EXPECT_EQ(parked->message->id, "m2");
    EXPECT_EQ(parked->message->body, body);
    parked->settle->acknowledge();
    reading.reset();
    out.reset();
  }
}

}  // namespace
}  // namespace mamey::testing
