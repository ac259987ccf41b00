#include "queue_conformance.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "store_examples.hpp"

namespace mamey::testing {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

strings ids(const durable_queues::taken& of) {
  strings all;
  for (const auto& each : of.messages) all.push_back(each.message.id);
  return all;
}
std::vector<queue_publication> publications(const std::vector<envelope>& all) {
  std::vector<queue_publication> made;
  for (const auto& each : all) made.push_back({.message = each});
  return made;
}
std::vector<std::int64_t> sequences(const durable_queues::taken& of) {
  std::vector<std::int64_t> all;
  for (const auto& each : of.messages) all.push_back(each.sequence);
  return all;
}

namespace {

TEST_P(queue_conformance, a_message_goes_to_every_bound_queue_once_and_survives) {
  bind("audit");
  bind("count");
  bind("count");
  queues_->bind("other", "parts", "part_removed");
  EXPECT_EQ(publish({message("m1"),
                     [] {
                       auto made = message("m2");
                       made.routing_key = "nobody";
                       return made;
                     }()}),
            (std::vector{2, 0}));
  open();
  EXPECT_EQ(ids(take("audit")), strings{"m1"});
  EXPECT_EQ(ids(take("count")), strings{"m1"});
  EXPECT_EQ(queues_->depth("other"), 0);
  EXPECT_EQ(queues_->depth("count"), 1) << "taken, not acknowledged";
  EXPECT_TRUE(take("never declared").messages.empty());
}

TEST_P(queue_conformance, what_was_out_when_its_consumer_died_comes_one_at_a_time) {
  for (const bool ordered : {false, true}) {
    const auto queue = ordered ? "ordered" : "count";
    bind(queue);
    publish({message("m1"), message("m2"), message("m3")});
    EXPECT_EQ(take(queue, ordered).messages.size(), 3U);
    move_clock(31s);
    publish({message("m4")});
    const auto first = take(queue, ordered);
    EXPECT_EQ(ids(first), (strings{"m1", "m4"})) << "what was not out waits for nothing";
    EXPECT_EQ(first.messages[0].starts, 2);
    EXPECT_TRUE(take(queue, ordered).messages.empty());
    move_clock(31s);  // m1 was to blame
    EXPECT_EQ(ids(take(queue, ordered)), strings{"m1"});
    queues_->remove(std::vector{first.messages[0].sequence});
    const auto second = take(queue, ordered);
    EXPECT_EQ(ids(second), strings{"m2"});
    EXPECT_EQ(second.messages[0].starts, 2) << "not counted for what m1 did";
    queues_->give_back(second.token, sequences(second), 0ms, false);
    EXPECT_EQ(take(queue, ordered).messages.at(0).starts, 2) << "given back, it is an ordinary one";
    queues_->unbind(queue, "parts", "part_counted");
  }
}

TEST_P(queue_conformance, a_copy_that_may_not_be_the_first_says_so_to_whoever_takes_it) {
  bind("count");
  queues_->publish(std::vector<queue_publication>{{.message = message("m1"), .maybe_sent = true}, {.message = message("m2")}});
  open();
  for (const bool ordered : {false, true}) {
    const auto taken = take("count", ordered);
    ASSERT_EQ(taken.messages.size(), 2U);
    EXPECT_TRUE(taken.messages[0].maybe_sent);
    EXPECT_FALSE(taken.messages[1].maybe_sent);
    queues_->give_back(taken.token, sequences(taken), 0s, false);
  }
}

TEST_P(queue_conformance, an_unbound_queue_keeps_what_it_has_and_gets_no_more) {
  bind("count");
  publish({message("m1")});
  queues_->unbind("count", "parts", "part_counted");
  EXPECT_EQ(publish({message("m2")}), std::vector{0});
  EXPECT_EQ(ids(take("count")), strings{"m1"});
}

TEST_P(queue_conformance, a_taken_message_is_one_consumers_until_its_lease_ends_and_starts_are_counted_across_crashes) {
  bind("count");
  publish({message("m1"), message("m2")});
  const auto first = queues_->take("count", 1, 30s, false);
  EXPECT_EQ(ids(first), strings{"m1"});
  EXPECT_EQ(first.messages[0].starts, 1);
  EXPECT_EQ(ids(take("count")), strings{"m2"});
  move_clock(20s);
  EXPECT_EQ(queues_->renew(first.token, sequences(first), 30s), 1U);
  move_clock(20s);
  open();  // the consumer's process died
  const auto other = take("count");
  EXPECT_EQ(ids(other), strings{"m2"});
  queues_->remove(sequences(other));
  move_clock(11s);
  const auto again = take("count");
  ASSERT_EQ(ids(again), strings{"m1"});
  EXPECT_EQ(again.messages[0].starts, 2);
}

TEST_P(queue_conformance, acknowledging_applies_whatever_the_token_and_giving_back_does_not) {
  bind("count");
  publish({message("m1")});
  const auto lost = take("count");
  move_clock(31s);
  const auto held = take("count");
  EXPECT_EQ(queues_->give_back(lost.token, sequences(lost), 0s, true), 0U);
  EXPECT_EQ(queues_->renew(lost.token, sequences(lost), 30s), 0U);
  EXPECT_TRUE(take("count").messages.empty());
  queues_->remove(sequences(lost));
  EXPECT_EQ(queues_->depth("count"), 0);
}

TEST_P(queue_conformance, a_message_given_back_comes_again_after_its_delay_counted_or_not) {
  bind("count");
  publish({message("m1")});
  auto taken = take("count");
  EXPECT_EQ(queues_->give_back(taken.token, sequences(taken), 10s, true), 1U);
  EXPECT_TRUE(take("count").messages.empty());
  move_clock(10s);
  taken = take("count");
  ASSERT_EQ(taken.messages.size(), 1U);
  EXPECT_EQ(taken.messages[0].starts, 2);
  queues_->give_back(taken.token, sequences(taken), 0s, false);
  EXPECT_EQ(take("count").messages.at(0).starts, 2);
}

TEST_P(queue_conformance, a_retry_is_put_into_its_queue_only_and_later) {
  bind("audit");
  bind("count");
  queues_->put("count", message("m1"), 10s);
  queues_->put("fresh", message("m2"), 0s);
  EXPECT_TRUE(take("count").messages.empty());
  EXPECT_EQ(ids(take("fresh")), strings{"m2"});
  move_clock(10s);
  EXPECT_EQ(ids(take("count")), strings{"m1"});
  EXPECT_TRUE(take("audit").messages.empty());
}

TEST_P(queue_conformance, an_ordered_queue_hands_out_heads_only) {
  bind("count");
  publish({message("a1", "a"), message("a2", "a"), message("b1", "b"), message("n1"), message("n2")});
  auto heads = take("count", true);
  EXPECT_EQ(ids(heads), (strings{"a1", "b1", "n1", "n2"}));
  EXPECT_TRUE(take("count", true).messages.empty());
  const std::int64_t a1[] = {heads.messages[0].sequence}, b1[] = {heads.messages[1].sequence};
  queues_->give_back(heads.token, a1, 10s, true);
  EXPECT_TRUE(take("count", true).messages.empty()) << "a1 keeps its place: a2 waits for it";
  queues_->remove(b1);
  move_clock(10s);
  EXPECT_EQ(ids(take("count", true)), strings{"a1"});
  queues_->remove(a1);
  EXPECT_EQ(ids(take("count", true)), strings{"a2"});
}

TEST_P(queue_conformance, a_long_queue_of_one_key_does_not_hide_the_others) {
  bind("count");
  std::vector<envelope> many;
  for (int i = 0; i < 1'500; ++i) many.push_back(message("a" + std::to_string(i), "a"));
  many.push_back(message("b1", "b"));
  many.push_back(message("n1"));
  publish(many);
  EXPECT_EQ(ids(take("count", true)), strings{"a0"});
  EXPECT_EQ(ids(take("count", true)), (strings{"b1", "n1"}));
}

TEST_P(queue_conformance, what_a_faster_clock_left_counts_as_past) {
  bind("count");
  publish({message("m1"), message("m2"), message("m3")});
  const auto taken = queues_->take("count", 2, 30s, false);
  const std::int64_t first[] = {taken.messages[0].sequence};
  queues_->give_back(taken.token, first, 60s, true);
  move_clock(-24h);
  EXPECT_EQ(ids(take("count")), (strings{"m1", "m2", "m3"}));
}

TEST_P(queue_conformance, publishing_wakes_at_once_and_taking_the_callback_back_ends_it) {
  bind("count");
  std::atomic<int> wakes = 0;
  queues_->on_publish([&] { ++wakes; });
  publish({message("m1")});
  EXPECT_GE(wakes, 1);
  queues_->on_publish({});
  const auto seen = wakes.load();
  publish({message("m2")});
  EXPECT_EQ(wakes, seen);
}

/// Waits, with a bound, until a callback came.
class bell {
 public:
  void ring() {
    const std::scoped_lock lock(mutex_);
    ++rings_;
    changed_.notify_all();
  }
  bool wait_for_more_than(int rings) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return rings_ > rings; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int rings_ = 0;
};

TEST_P(queue_conformance, what_another_process_publishes_is_noticed) {
  bind("count");
  bell rung;
  queues_->on_publish([&] { rung.ring(); });
  const auto other = database_->open();
  other->publish(publications({message("m1")}));
  EXPECT_TRUE(rung.wait_for_more_than(0));
  EXPECT_EQ(ids(take("count")), strings{"m1"});
  queues_->on_publish({});
}

TEST_P(queue_conformance, a_message_comes_as_it_was_published) {
  bind("count");
  auto full = message("m1", "key");
  full.headers = {{"tenant", "a \"quoted\" one"}};
  full.body = std::string("{\"n\":1}\0\xff", 9);
  full.user = "ann";
  publish({full});
  const auto taken = take("count");
  ASSERT_EQ(taken.messages.size(), 1U);
  const auto& got = taken.messages[0].message;
  EXPECT_EQ(got.headers, full.headers);
  EXPECT_EQ(got.body, full.body);
  EXPECT_EQ(got.user, full.user);
  EXPECT_EQ(got.key, full.key);
  EXPECT_EQ(got.type, full.type);
  EXPECT_EQ(got.occurred_at, full.occurred_at);
  EXPECT_EQ(got.exchange, "parts");
  EXPECT_EQ(got.routing_key, "part_counted");
}

TEST_P(queue_conformance, takers_and_publishers_at_the_same_time_share_the_messages_and_lose_none) {
  bind("count");
  constexpr int each_publishes = 100, publishers = 3, takers = 3;
  std::mutex guard;
  std::multiset<std::string> seen;
  std::atomic<int> left = each_publishes * publishers;
  {
    std::vector<std::jthread> threads;
    for (int p = 0; p < publishers; ++p) {
      threads.emplace_back([&, p] {
        const auto mine = database_->open();
        for (int n = 0; n < each_publishes; ++n) mine->publish(publications({message(std::to_string(p) + "-" + std::to_string(n))}));
      });
    }
    for (int t = 0; t < takers; ++t) {
      threads.emplace_back([&] {
        const auto mine = database_->open();
        const auto give_up = std::chrono::steady_clock::now() + 60s;
        while (left > 0 && std::chrono::steady_clock::now() < give_up) {
          const auto taken = mine->take("count", 7, 30s, false);
          mine->remove(sequences(taken));
          left -= static_cast<int>(taken.messages.size());
          const std::lock_guard lock(guard);
          for (const auto& id : ids(taken)) seen.insert(id);
        }
      });
    }
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(each_publishes * publishers));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << "handed out twice";
  EXPECT_EQ(queues_->depth("count"), 0);
}

TEST_P(queue_conformance, takers_at_the_same_time_see_each_key_in_its_order_and_one_at_a_time) {
  bind("count");
  constexpr int keys = 3, each_key = 40, takers = 3;
  for (int n = 0; n < each_key; ++n) {
    for (int k = 0; k < keys; ++k) publish({message(std::to_string(k) + "-" + std::to_string(n), "key" + std::to_string(k))});
  }
  std::mutex guard;
  std::map<std::string, int> next;
  std::set<std::string> out;
  std::atomic<int> left = keys * each_key, wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < takers; ++t) {
      threads.emplace_back([&] {
        const auto mine = database_->open();
        const auto give_up = std::chrono::steady_clock::now() + 60s;
        while (left > 0 && std::chrono::steady_clock::now() < give_up) {
          const auto taken = mine->take("count", 2, 30s, true);
          {
            const std::lock_guard lock(guard);
            for (const auto& each : taken.messages) {
              const auto& key = each.message.key;
              if (!out.insert(key).second || each.message.id != key.substr(3) + "-" + std::to_string(next[key]++)) ++wrong;
            }
          }
          {
            const std::lock_guard lock(guard);
            for (const auto& each : taken.messages) out.erase(each.message.key);
          }
          mine->remove(sequences(taken));
          left -= static_cast<int>(taken.messages.size());
        }
      });
    }
  }
  EXPECT_EQ(left, 0);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace mamey::testing
