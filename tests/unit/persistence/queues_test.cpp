#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <mamey/persistence/sqlite/queues.hpp>

#include "../../conformance/queue_conformance.hpp"
#include "../../conformance/store_examples.hpp"
#include "../../support/temporary_directory.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;

/// A file whose clock the test moves.
class file_of_queues final : public test_queues {
 public:
  std::unique_ptr<durable_queues> open() override { return open_file(); }
  std::unique_ptr<sqlite_queues> open_file() {
    return std::make_unique<sqlite_queues>(sqlite_options{.directory = directory_.path(), .path = "queues.db"},
                                           sqlite_environment{.clock = [this] { return wall_time(now_.load()); }});
  }
  void move_clock(std::chrono::milliseconds span) override { now_ = now_.load() + span; }

 private:
  temporary_directory directory_;
  std::atomic<std::chrono::microseconds> now_{std::chrono::days(20'000)};
};

INSTANTIATE_TEST_SUITE_P(sqlite, queue_conformance,
                         ::testing::Values([]() -> std::unique_ptr<test_queues> { return std::make_unique<file_of_queues>(); }));

class sqlite_queue : public ::testing::Test {
 protected:
  sqlite_queue() { open(); }
  void open() {
    queues_.reset();
    queues_ = make();
  }
  std::unique_ptr<sqlite_queues> make() { return file_.open_file(); }
  void bind(const std::string& queue) { queues_->bind(queue, "parts", "part_counted"); }

  file_of_queues file_;
  std::unique_ptr<sqlite_queues> queues_;
};

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
