#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/versions.hpp>

namespace mamey {
namespace {

upcasters three_steps() {
  upcasters lifts;
  lifts.add("OrderCreated", 1, [](std::string_view body) { return std::string(body) + "2"; });
  lifts.add("OrderCreated", 2, [](std::string_view body) { return std::string(body) + "3"; });
  return lifts;
}

envelope order_created(int version) {
  envelope message;
  message.type = "OrderCreated";
  message.version = version;
  message.body = "1";
  return message;
}

TEST(upcasters, an_old_message_is_lifted_step_by_step_to_what_the_reader_understands) {
  const auto lifts = three_steps();
  const auto lifted = lifts.lift(order_created(1), 3);
  EXPECT_EQ(lifted.body, "123");
  EXPECT_EQ(lifted.version, 3);
  EXPECT_EQ(lifts.lift(order_created(1), 2).body, "12");
  EXPECT_EQ(lifts.lift(order_created(3), 3).body, "1");
}

TEST(upcasters, a_version_without_a_step_stays_as_it_is) {
  const auto lifts = three_steps();
  EXPECT_FALSE(lifts.applies("OrderCreated", 3, 5));
  EXPECT_FALSE(lifts.applies("OrderShipped", 1, 5));
  EXPECT_EQ(lifts.lift(order_created(3), 5).version, 3);
}

TEST(upcasters, two_for_one_version_are_refused) {
  auto lifts = three_steps();
  EXPECT_THROW(lifts.add("OrderCreated", 1, {}), conflict);
}

TEST(derived_id, is_stable_and_tells_handlers_and_messages_apart) {
  EXPECT_EQ(derived_id("m1", "h1"), derived_id("m1", "h1"));
  EXPECT_NE(derived_id("m1", "h1"), derived_id("m1", "h2"));
  EXPECT_NE(derived_id("m1", "h1"), derived_id("m", "1h1"));
  EXPECT_EQ(derived_id("m1", "h1").size(), 32U);
}

}  // namespace
}  // namespace mamey
