// A broker that dies, and one that is not there.
#include <set>
#include <thread>

#include "rabbitmq_broker.hpp"

namespace mamey::testing {
namespace {

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
    reading = through->subscribe(
        {.queue = "stock", .prefetch = 50},
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
    } catch (const unavailable&) {}
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
