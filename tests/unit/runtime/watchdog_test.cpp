#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <mamey/runtime/detail/watchdog.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "../observability/log_capture.hpp"

namespace {

using namespace mamey;
using namespace std::chrono_literals;
using detail::stall_watch;
using word = stall_watch::word;

struct watched_clock {
  word look(std::chrono::milliseconds at, stall_watch::glance seen, bool missed = false) {
    return watch.look(steady_time(1h) + at, seen, missed).what;
  }
  stall_watch watch{1s};
};

TEST(stall_watch, speaks_once_when_one_thing_runs_too_long_then_rarely_and_when_it_is_over) {
  watched_clock loop;
  EXPECT_EQ(loop.look(0ms, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(999ms, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(1s, {7, 1}), word::stalls);
  EXPECT_EQ(loop.look(9s, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(10s, {7, 1}), word::still_stalls);
  EXPECT_EQ(loop.look(59s, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(60s, {7, 1}), word::still_stalls);
  int more = 0;
  for (auto at = 61s; at < 3661s; ++at) more += loop.look(at, {7, 1}) == word::still_stalls;
  EXPECT_EQ(more, 60) << "a line a minute";
  EXPECT_EQ(loop.look(3662s, {7, 2}), word::turns_again);
  EXPECT_EQ(loop.look(3662s + 999ms, {7, 2}), word::nothing);
}

TEST(stall_watch, a_loop_that_sleeps_or_goes_on_to_other_things_does_not_stall) {
  watched_clock loop;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(loop.look(i * 1s, {0, 5}), word::nothing) << "asleep";
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(loop.look(100s + i * 1s, {9, static_cast<std::uint64_t>(i)}), word::nothing) << "one long round of many";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(loop.look(200s + i * 1s, {i + 1, 99}), word::nothing) << "many rounds";
}

TEST(stall_watch, a_process_that_stood_still_is_no_loop_that_stalls) {
  watched_clock loop;
  EXPECT_EQ(loop.look(0ms, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(1h, {7, 1}, true), word::nothing);
  EXPECT_EQ(loop.look(1h + 999ms, {7, 1}), word::nothing);
  EXPECT_EQ(loop.look(1h + 1s, {7, 1}), word::stalls);
}

std::optional<std::string> wait_for_warning(const log_capture& capture, const std::string& part) {
  for (const auto deadline = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < deadline;
       std::this_thread::yield()) {
    for (const auto& each : capture.records()) {
      if (each.category == "mamey.runtime" && each.message.find(part) != std::string::npos) return each.message;
    }
  }
  return std::nullopt;
}

TEST(watchdog, names_the_fiber_and_its_handler_when_a_thread_is_blocked_and_tells_when_it_is_over) {
  const log_capture capture;
  runtime loops({.threads = 1, .stall_warning = 40ms});
  std::mutex held;
  std::optional<std::string> said;
  std::thread outside([&] {
    const std::lock_guard lock(held);
    loops.loop(0).start_fiber("waiter", [&] {
      const activity shown("handler open_account");
      const std::lock_guard blocks(held);  // of the thread: as when another fiber holds it across a wait
    });
    said = wait_for_warning(capture, "has not turned");
  });
  outside.join();
  ASSERT_TRUE(said);
  EXPECT_NE(said->find("loop 0 has not turned for 0."), std::string::npos) << *said;
  EXPECT_NE(said->find("fiber 'waiter' (handler open_account) blocks the thread"), std::string::npos) << *said;
  EXPECT_TRUE(wait_for_warning(capture, "loop 0 turns again"));
  EXPECT_EQ(loops.loop(0).stalls(), 1U);
  EXPECT_EQ(loops.system_loop().stalls(), 0U);
}

TEST(watchdog, tells_computing_from_blocking) {
  const log_capture capture;
  std::atomic<bool> enough = false;
  runtime loops({.threads = 1, .stall_warning = 200ms});
  loops.loop(0).start_fiber("busy", [&] {
    while (!enough) {}
  });
  const auto said = wait_for_warning(capture, "has not turned");
  enough = true;
  ASSERT_TRUE(said);
  EXPECT_NE(said->find("fiber 'busy'"), std::string::npos) << *said;
}

TEST(watchdog, an_inner_activity_hides_the_outer_one_until_it_ends) {
  runtime loops({.threads = 1, .stall_warning = 40ms});
  const activity outside("of no fiber");
  loops.run([] {
    const activity outer("outer");
    { const activity inner(std::string(200, 'x')); }
    sleep_for(1ms);
  });
}

}  // namespace
