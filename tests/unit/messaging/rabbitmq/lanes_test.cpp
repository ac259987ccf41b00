#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/lanes.hpp>

namespace mamey::rabbitmq_detail {
namespace {

TEST(lanes, of_a_key_one_is_at_work_and_the_next_begins_when_it_is_done) {
  lanes keys;
  EXPECT_TRUE(keys.enter(1, "a"));
  EXPECT_FALSE(keys.enter(2, "a"));
  EXPECT_TRUE(keys.enter(3, "b"));
  EXPECT_FALSE(keys.enter(4, "a"));
  EXPECT_EQ(keys.leave(1), 2U);
  EXPECT_EQ(keys.leave(2), 4U);
  EXPECT_EQ(keys.leave(4), std::nullopt);
  EXPECT_TRUE(keys.enter(5, "a")) << "the key is free again";
}

TEST(lanes, what_has_no_key_or_was_forgotten_leaves_nothing_behind) {
  lanes keys;
  EXPECT_EQ(keys.leave(7), std::nullopt);
  keys.enter(1, "a");
  keys.enter(2, "a");
  keys.clear();
  EXPECT_FALSE(keys.holds(1));
  EXPECT_EQ(keys.leave(1), std::nullopt);
  EXPECT_TRUE(keys.enter(3, "a"));
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
