// What becomes of messages the broker does not take.
#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

TEST_F(rabbitmq_broker, a_missing_exchange_costs_the_others_no_attempt_and_is_refused_once_it_is_known) {
  const std::string nobodys = "amq.nowhere";  // a name that only the broker may declare
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1, "created", "{}", nobodys);
  EXPECT_EQ(out.outcome_of(1).result, publish_result::broker_fault) << "declared again first";
  out.send(2, "created", "{}", nobodys);
  out.send(1, "created", "{}", nobodys);
  out.outcomes.await([](const auto& all) { return all.size() >= 3; });
  out.send(1, "created", "{}", nobodys);
  ASSERT_TRUE(out.outcomes.await([](const auto& all) { return all.size() >= 4; }));
  const auto refused = [&] {
    std::size_t count = 0;
    out.outcomes.await([&](const auto& all) {
      return count = static_cast<std::size_t>(std::ranges::count_if(
                 all, [](const auto& each) { return each.first == 1 && each.second.result == publish_result::refused; })),
             true;
    });
    return count;
  };
  EXPECT_GE(refused(), 1U);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed) << "the rest flows";
}

TEST_F(rabbitmq_broker, an_exchange_that_a_message_names_is_declared_with_the_first_of_them) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1, "created", "{}", "billing");
  EXPECT_EQ(out.outcome_of(1).result, publish_result::broker_fault) << "it costs no attempt";
  out.send(2, "created", "{}", "billing");
  EXPECT_EQ(out.outcome_of(2).result, publish_result::unroutable) << "there, and nobody is bound to it";
  EXPECT_NE(node().evaluate(in_host("rabbit_exchange:lookup(rabbit_misc:r(HOST, exchange, <<\"billing\">>)).")).find("topic"),
            std::string::npos);
}

TEST_F(rabbitmq_broker, our_own_exchange_that_others_declare_is_waited_for_without_an_attempt) {
  auto with = options();
  with.exchange.name = "orders";
  with.exchange.declare = false;
  auto through = open(with);
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  for (int tries = 0; tries < 3; ++tries) {
    out.send(static_cast<std::uint64_t>(tries + 1));
    const auto outcome = out.outcome_of(static_cast<std::uint64_t>(tries + 1));
    EXPECT_EQ(outcome.result, publish_result::broker_fault);
    EXPECT_NE(outcome.reason.find("set rabbitMq.exchange.declare to true"), std::string::npos) << outcome.reason;
  }
  auto owner = open();
  owner->declare(stock());
  out.send(4);
  EXPECT_EQ(out.outcome_of(4).result, publish_result::confirmed);
}

TEST_F(rabbitmq_broker, what_is_too_large_or_has_no_place_in_a_frame_is_refused_before_it_is_sent) {
  auto with = options();
  with.max_message_bytes = 1024;
  auto through = open(with);
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1, "created", std::string(1025, 'x'));
  EXPECT_EQ(out.outcome_of(1).result, publish_result::refused);
  out.send(2, std::string(256, 'k'));
  EXPECT_EQ(out.outcome_of(2).result, publish_result::refused);
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed);
}

class rabbitmq_alarm : public rabbitmq_broker, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(of, rabbitmq_alarm, ::testing::Values("disk", "memory"), [](const auto& which) { return which.param; });

TEST_P(rabbitmq_alarm, blocks_publishing_and_its_end_lets_it_go_on) {
  auto through = open();
  through->declare(stock());
  publishing out(*through);
  ASSERT_TRUE(out.await(channel_state::ready));
  out.send(1);
  ASSERT_EQ(out.outcome_of(1).result, publish_result::confirmed);
  if (GetParam() == "disk")
    node().evaluate("rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).");
  else
    node().evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0001).");
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
  if (GetParam() == "disk")
    node().evaluate("rabbit_alarm:clear_alarm({resource_limit, disk, node()}).");
  else
    node().evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4).");
  EXPECT_TRUE(out.await(channel_state::ready));
  EXPECT_EQ(out.outcome_of(2).result, publish_result::confirmed) << "sent once, not again";
  out.send(3);
  EXPECT_EQ(out.outcome_of(3).result, publish_result::confirmed);
}

}  // namespace
}  // namespace mamey::testing
