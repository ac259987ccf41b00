// What becomes of messages the broker does not take.
#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

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
