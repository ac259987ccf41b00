// Exchanges and queues that are there already, in this form or another, or are gone.
#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

TEST_F(rabbitmq_broker, a_foreign_exchange_in_another_form_is_used_as_it_is_and_our_own_likewise) {
  node().evaluate(
      in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"orders\">>), fanout, true, false, false, [], <<\"t\">>)."));
  auto through = open();
  auto wanted = stock();
  EXPECT_NO_THROW(through->declare(wanted));
  wanted.exchanges[0].foreign = true;
  EXPECT_NO_THROW(through->declare(wanted));
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1, "whatever");
  EXPECT_EQ(out.outcome_of(1).result, publish_result::confirmed) << "a fanout asks for no key";
}

TEST_F(rabbitmq_broker, an_exchange_of_ours_that_takes_no_messages_is_said_as_such) {
  node().evaluate(
      in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"orders\">>), topic, true, false, true, [], <<\"t\">>)."));
  auto with = options();
  with.exchange.name = "orders";
  auto through = open(with);
  try {
    through->declare(stock());
    FAIL() << "an internal exchange takes nothing from us";
  } catch (const conflict& refused) {
    EXPECT_NE(refused.reason().find("orders"), std::string::npos) << refused.reason();
    EXPECT_NE(refused.reason().find("internal"), std::string::npos) << refused.reason();
  }
  with.exchange.name = "billing";
  with.exchange.type = "direct";
  node().evaluate(
      in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"billing\">>), headers, false, false, false, [], <<\"t\">>)."));
  EXPECT_NO_THROW(open(with)->declare({.exchanges = {{.name = "billing"}}})) << "of another type, and transient: used as it is";
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

TEST_F(rabbitmq_broker, an_exchange_deleted_under_us_is_declared_again) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  node().evaluate(in_host("rabbit_exchange:delete(rabbit_misc:r(HOST, exchange, <<\"orders\">>), false, <<\"t\">>)."));
  out.send(2);
  EXPECT_EQ(out.outcome_of(2).result, publish_result::broker_fault);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed) << "its binding is back as well";
}

TEST_F(rabbitmq_broker, a_consumer_elsewhere_is_bound_again_before_the_next_message_to_an_exchange_deleted_under_us) {
  auto consumer_side = open();
  auto wanted = stock();
  wanted.exchanges[0].foreign = true;
  auto with = options();
  with.exchange.name = "orders";
  auto publisher_side = open(with);
  publisher_side->declare({.exchanges = {{.name = "orders"}}});
  consumer_side->declare(wanted);
  told<delivery> inbox;
  const auto running = consumer_side->subscribe({.queue = "stock"}, [&](delivery next) { inbox.add(std::move(next)); }, {});
  publishing out(*publisher_side);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  ASSERT_TRUE(inbox.await([](const auto& all) { return all.size() == 1; }));

  node().evaluate(in_host("rabbit_exchange:delete(rabbit_misc:r(HOST, exchange, <<\"orders\">>), false, <<\"t\">>)."));
  out.send(2);
  if (const auto first = out.outcome_of(2); first.result != publish_result::confirmed) {
    EXPECT_EQ(first.result, publish_result::broker_fault) << "it stays in the outbox, and comes again";
    out.send(3);
    EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed) << "not before its listener is bound again: else it would be unroutable";
  }
  EXPECT_TRUE(inbox.await([](const auto& all) { return all.size() == 2; }));
}

TEST_F(rabbitmq_broker, messages_that_find_no_queue_since_their_exchange_was_deleted_show_in_the_trouble) {
  auto consumer_side = open();
  consumer_side->declare(stock());
  auto publisher_side = open();
  publisher_side->declare({.exchanges = {{.name = "orders"}}});
  publishing out(*publisher_side);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  EXPECT_EQ(publisher_side->statistics().trouble, "");
  consumer_side.reset();  // as a client that binds only when it starts
  node().evaluate(in_host("rabbit_exchange:delete(rabbit_misc:r(HOST, exchange, <<\"orders\">>), false, <<\"t\">>)."));
  out.send(2);
  if (out.outcome_of(2).result == publish_result::broker_fault) {
    out.send(3);
    EXPECT_EQ(out.outcome_of(3).result, publish_result::unroutable);
  }
  EXPECT_NE(publisher_side->statistics().trouble.find("orders"), std::string::npos);
}

}  // namespace
}  // namespace mamey::testing
