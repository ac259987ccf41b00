#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include <mamey/messaging/rabbitmq/detail/confirm_window.hpp>

namespace mamey::rabbitmq_detail {
namespace {

TEST(confirm_window, keeps_its_invariants_and_ends_each_message_once_whatever_the_broker_says) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::minstd_rand random(seed);
    confirm_window window(1 + random() % 6);
    std::uint64_t tag = 0, number = 0;
    std::set<std::uint64_t> out;
    const auto end = [&](const std::vector<confirm_window::outcome>& outcomes) {
      for (const auto& each : outcomes) EXPECT_EQ(out.erase(each.tag), 1U) << "seed " << seed;
    };
    const auto channel_ended = [&](const std::vector<confirm_window::outcome>& outcomes) {
      end(outcomes);
      EXPECT_TRUE(out.empty()) << "seed " << seed;
      number = 0;
    };
    for (int step = 0; step < 300; ++step) {
      const auto id = random() % 10 == 0 ? std::string() : std::to_string(random() % 8);
      switch (random() % 8) {
        case 0:
          window.returned(id, 312, "NO_ROUTE");
          break;
        case 1:
          if (random() % 10 == 0) channel_ended(window.give_up("the connection is gone"));
          break;
        case 2:
          if (random() % 5 == 0) channel_ended(window.closed_over_a_publish("too large"));
          break;
        case 3:
        case 4:
          end(window.settled(random() % (number + 2), random() % 2 == 0, random() % 4 > 0));
          break;
        default:
          if (!window.has_room_for(id)) break;
          window.sent(++tag, id);
          out.insert(tag);
          ++number;
      }
      ASSERT_EQ(window.check(), "") << "seed " << seed << " step " << step;
      ASSERT_EQ(window.in_flight(), out.size()) << "seed " << seed << " step " << step;
    }
  }
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
