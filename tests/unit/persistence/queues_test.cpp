#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <mamey/persistence/sqlite/queues.hpp>

#include "../../conformance/store_examples.hpp"
#include "../../support/temporary_directory.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

strings ids(const durable_queues::taken& of) {
  strings all;
  for (const auto& each : of.messages) all.push_back(each.message.id);
  return all;
}
std::vector<std::int64_t> sequences(const durable_queues::taken& of) {
  std::vector<std::int64_t> all;
  for (const auto& each : of.messages) all.push_back(each.sequence);
  return all;
}

std::vector<queue_publication> publications(const std::vector<envelope>& all) {
  std::vector<queue_publication> made;
  for (const auto& each : all) made.push_back({.message = each});
  return made;
}

class sqlite_queue : public ::testing::Test {
 protected:
  sqlite_queue() { open(); }
  void open() {
    queues_.reset();
    queues_ = make();
  }
  std::unique_ptr<sqlite_queues> make() {
    return std::make_unique<sqlite_queues>(sqlite_options{.directory = directory_.path(), .path = "queues.db"},
                                           sqlite_environment{.clock = [this] { return wall_time(now_.load()); }});
  }
  std::vector<int> publish(const std::vector<envelope>& all) { return queues_->publish(publications(all)); }
  void bind(const std::string& queue) { queues_->bind(queue, "parts", "part_counted"); }
  durable_queues::taken take(const std::string& queue, bool ordered = false) { return queues_->take(queue, 100, 30s, ordered); }
  void move_clock(std::chrono::milliseconds span) { now_ = now_.load() + span; }

  temporary_directory directory_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
  std::unique_ptr<sqlite_queues> queues_;
};

TEST_F(sqlite_queue, a_message_goes_to_every_bound_queue_once_and_survives) {
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

TEST_F(sqlite_queue, what_was_out_when_its_consumer_died_comes_one_at_a_time) {
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

TEST_F(sqlite_queue, a_copy_that_may_not_be_the_first_says_so_to_whoever_takes_it) {
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

TEST_F(sqlite_queue, an_unbound_queue_keeps_what_it_has_and_gets_no_more) {
  bind("count");
  publish({message("m1")});
  queues_->unbind("count", "parts", "part_counted");
  EXPECT_EQ(publish({message("m2")}), std::vector{0});
  EXPECT_EQ(ids(take("count")), strings{"m1"});
}

TEST_F(sqlite_queue, a_taken_message_is_one_consumers_until_its_lease_ends_and_starts_are_counted_across_crashes) {
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

TEST_F(sqlite_queue, acknowledging_applies_whatever_the_token_and_giving_back_does_not) {
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

TEST_F(sqlite_queue, a_message_given_back_comes_again_after_its_delay_counted_or_not) {
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

TEST_F(sqlite_queue, a_retry_is_put_into_its_queue_only_and_later) {
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

TEST_F(sqlite_queue, an_ordered_queue_hands_out_heads_only) {
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

TEST_F(sqlite_queue, a_long_queue_of_one_key_does_not_hide_the_others) {
  bind("count");
  std::vector<envelope> many;
  for (int i = 0; i < 1'500; ++i) many.push_back(message("a" + std::to_string(i), "a"));
  many.push_back(message("b1", "b"));
  many.push_back(message("n1"));
  publish(many);
  EXPECT_EQ(ids(take("count", true)), strings{"a0"});
  EXPECT_EQ(ids(take("count", true)), (strings{"b1", "n1"}));
}

TEST_F(sqlite_queue, what_a_faster_clock_left_counts_as_past) {
  bind("count");
  publish({message("m1"), message("m2"), message("m3")});
  const auto taken = queues_->take("count", 2, 30s, false);
  const std::int64_t first[] = {taken.messages[0].sequence};
  queues_->give_back(taken.token, first, 60s, true);
  move_clock(-24h);
  EXPECT_EQ(ids(take("count")), (strings{"m1", "m2", "m3"}));
}

TEST_F(sqlite_queue, publishing_wakes_at_once_and_taking_the_callback_back_ends_it) {
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

TEST_F(sqlite_queue, what_another_process_publishes_is_noticed) {
  bind("count");
  bell rung;
  queues_->on_publish([&] { rung.ring(); });
  const auto other = make();
  other->publish(publications({message("m1")}));
  EXPECT_TRUE(rung.wait_for_more_than(0));
  EXPECT_EQ(ids(take("count")), strings{"m1"});
  queues_->on_publish({});
}

TEST_F(sqlite_queue, several_processes_share_the_messages_of_one_queue) {
  bind("count");
  constexpr int total = 300, workers = 3;
  queues_.reset();  // no thread may run across a fork
  std::vector<int> results;
  std::vector<pid_t> children;
  for (int worker = 0; worker < workers; ++worker) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const auto child = fork();
    if (child == 0) {
      int status = 0;
      try {
        const auto mine = make();
        for (int i = 0; i < total / workers; ++i) mine->publish(publications({message(std::to_string(worker) + "-" + std::to_string(i))}));
        for (int misses = 0; misses < 200;) {
          const auto taken = mine->take("count", 10, 30s, false);
          if (taken.messages.empty()) {
            ++misses;
            continue;
          }
          for (const auto& each : taken.messages) {
            const auto line = each.message.id + "\n";
            if (write(ends[1], line.data(), line.size()) < 0) status = 1;
          }
          mine->remove(sequences(taken));
        }
      } catch (...) {  // not banned: the exit code tells the parent process
        status = 2;
      }
      _exit(status);
    }
    ::close(ends[1]);
    children.push_back(child);
    results.push_back(ends[0]);
  }
  std::vector<std::string> seen;
  for (const auto result : results) {
    std::string text;
    char part[4096];
    for (ssize_t got = 0; (got = read(result, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(got));
    ::close(result);
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) seen.push_back(text.substr(at, text.find('\n', at) - at));
  }
  for (const auto child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::ranges::sort(seen);
  EXPECT_TRUE(std::ranges::adjacent_find(seen) == seen.end()) << "handed out twice";
  open();
  EXPECT_EQ(static_cast<int>(seen.size()) + queues_->depth("count"), total);
}

TEST_F(sqlite_queue, two_processes_may_create_the_file_at_the_same_time) {
  for (int round = 0; round < 20; ++round) {
    temporary_directory fresh;
    std::vector<std::jthread> openers;
    std::atomic<int> opened = 0;
    for (int i = 0; i < 3; ++i) {
      openers.emplace_back([&] {
        sqlite_queues queues({.directory = fresh.path(), .path = "queues.db"});
        queues.bind("count", "parts", "part_counted");
        ++opened;
      });
    }
    openers.clear();
    EXPECT_EQ(opened, 3);
  }
}

TEST_F(sqlite_queue, many_consumers_share_few_syncs) {
  bind("count");
  const auto before = queues_->statistics();
  std::vector<std::jthread> publishers;
  for (int i = 0; i < 8; ++i) {
    publishers.emplace_back([&, i] {
      for (int n = 0; n < 50; ++n) queues_->publish(publications({message(std::to_string(i) + "-" + std::to_string(n))}));
    });
  }
  publishers.clear();
  const auto after = queues_->statistics();
  EXPECT_EQ(after.members - before.members, 400U);
  EXPECT_LT(after.syncs - before.syncs, 400U);
  const auto taken = queues_->take("count", 1'000, 30s, false);
  EXPECT_EQ(taken.messages.size(), 400U);
  const auto synced = queues_->statistics().syncs;
  queues_->remove(sequences(taken));
  EXPECT_EQ(queues_->statistics().syncs, synced) << "acknowledging waits for no sync";
}

}  // namespace
}  // namespace mamey::testing
