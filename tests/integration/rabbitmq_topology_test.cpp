// Exchanges and queues that are there already, in this form or another, or are gone.
#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

TEST_F(rabbitmq_broker, a_foreign_exchange_in_another_form_is_used_as_it_is_and_our_own_likewise) {
  node().evaluate(in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"orders\">>), fanout, true, false, false, [], <<\"t\">>)."));
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
  node().evaluate(in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"orders\">>), topic, true, false, true, [], <<\"t\">>)."));
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
  node().evaluate(in_host("rabbit_exchange:declare(rabbit_misc:r(HOST, exchange, <<\"billing\">>), headers, false, false, false, [], <<\"t\">>)."));
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

}  // namespace
}  // namespace mamey::testing
