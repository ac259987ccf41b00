#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/shutdown.hpp>
#include <mamey/runtime/supervisor.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;
using status = mamey::supervised_status::state_type;

TEST(supervisor, restarts_with_a_growing_jittered_pause) {
  mamey::simulated_runtime simulation;
  std::vector<mamey::steady_time> starts;
  std::vector<mamey::supervised_status> reports;
  mamey::supervisor background(simulation.loop(), [&](const mamey::supervised_status& seen) { reports.push_back(seen); });
  background.start("consumer", [&] {
    starts.push_back(mamey::steady_now());
    throw std::runtime_error("broker away");
  });
  simulation.advance(10min);
  ASSERT_GT(starts.size(), 12U);
  std::chrono::nanoseconds pause = 100ms;
  for (std::size_t i = 1; i < starts.size(); ++i) {
    EXPECT_GE(starts[i] - starts[i - 1], pause / 2) << i;
    EXPECT_LE(starts[i] - starts[i - 1], pause) << i;
    pause = std::min<std::chrono::nanoseconds>(pause * 2, 30s);
  }
  EXPECT_EQ(reports.size(), starts.size());
  EXPECT_EQ(reports.back().name, "consumer");
  EXPECT_EQ(reports.back().state, status::backing_off);
  EXPECT_NE(reports.back().last_error.find("broker away"), std::string::npos);
  EXPECT_EQ(background.status().at(0).restarts, starts.size());
  simulation.run([&] { EXPECT_TRUE(background.stop(1s)); });
}

TEST(supervisor, after_a_minute_of_health_the_pause_is_short_again) {
  mamey::simulated_runtime simulation;
  std::vector<mamey::steady_time> failures, starts;
  mamey::supervisor background(simulation.loop());
  background.start("consumer", [&] {
    starts.push_back(mamey::steady_now());
    if (starts.size() > 8) mamey::sleep_for(61s);
    failures.push_back(mamey::steady_now());
    throw std::runtime_error("again");
  });
  simulation.advance(10min);
  ASSERT_GT(starts.size(), 10U);
  EXPECT_GT(starts[8] - failures[7], 5s);
  EXPECT_LE(starts[9] - failures[8], 100ms);
  simulation.run([&] { EXPECT_TRUE(background.stop(1s)); });
}

TEST(supervisor, a_normal_return_ends_it_and_the_starters_deadline_does_not) {
  mamey::simulated_runtime simulation;
  mamey::supervisor background(simulation.loop());
  simulation.run([&] {
    const mamey::deadline_scope soon(1s);
    background.start("once", [] { mamey::sleep_for(1min); });
  });
  simulation.advance(59s);
  EXPECT_EQ(background.status().at(0).state, status::running);
  simulation.advance(2s);
  EXPECT_EQ(background.status().at(0).state, status::stopped);
  EXPECT_EQ(background.status().at(0).restarts, 0U);
}

TEST(supervisor, ends_what_nobody_has_stopped_before_it_goes) {
  mamey::simulated_runtime simulation;
  int used = 1, ended = 0;
  simulation.run([&] {
    try {
      mamey::supervisor background(simulation.loop());
      for (int i = 0; i < 3; ++i) {
        background.start("loop", [&] {
          try {
            mamey::sleep_for(1h);
          } catch (const mamey::cancelled&) {
            mamey::masked_section const finishing;
            mamey::sleep_for(1s);
            ended += used;
          }
        });
      }
      mamey::sleep_for(1ms);
      throw std::runtime_error("the start failed");
    } catch (const std::runtime_error&) {
      used = 0;
    }
  });
  EXPECT_EQ(ended, 3);
}

TEST(supervisor, stops_the_newest_first_and_says_when_one_does_not_end) {
  mamey::simulated_runtime simulation;
  mamey::supervisor background(simulation.loop());
  std::string ended;
  const auto until_cancelled = [&](char name) {
    return [&ended, name] {
      try {
        mamey::sleep_for(1h);
      } catch (const mamey::cancelled&) {
        const mamey::masked_section cleaning;
        mamey::sleep_for(1s);
        ended += name;
        throw;
      }
    };
  };
  background.start("a", until_cancelled('a'));
  background.start("b", until_cancelled('b'));
  simulation.run([&] {
    mamey::sleep_for(1s);
    EXPECT_TRUE(background.stop(1min));
  });
  EXPECT_EQ(ended, "ba");

  mamey::supervisor stubborn(simulation.loop());
  stubborn.start("deaf", [] {
    const mamey::masked_section for_long(1h);
    mamey::sleep_for(30min);
  });
  simulation.run([&] {
    mamey::sleep_for(1s);
    const auto start = mamey::steady_now();
    const mamey::deadline_scope expired(0s);  // stopping is what the interrupted do too
    EXPECT_FALSE(stubborn.stop(5s));
    EXPECT_EQ(mamey::steady_now(), start + 5s);
  });
  simulation.advance(1h);
}

TEST(supervisor, is_stopped_from_a_plain_thread_too) {
  mamey::runtime process({.threads = 1});
  mamey::supervisor background(process.system_loop());
  background.start("waiter", [] { mamey::sleep_for(1h); });
  EXPECT_TRUE(background.stop(5s));
}

TEST(shutdown_plan, runs_stages_in_order_and_steps_of_one_stage_as_registered_whatever_they_throw) {
  mamey::shutdown_plan plan;
  std::string ran;
  using stage = mamey::shutdown_stage;
  const auto step = [&](char name) { return [&ran, name] { ran += name; }; };
  plan.add(stage::close_pools, "pools", step('z'));
  plan.add(stage::stop_accepting, "listener", step('c'));
  plan.add(stage::readiness_off, "readiness", step('a'));
  plan.add(stage::stop_accepting, "second listener", [&] {
    ran += 'd';
    throw std::runtime_error("stuck");
  });
  plan.add(stage::deregister, "consul", [&] {
    ran += 'b';
    plan.add(stage::flush, "added late", step('y'));
  });
  std::vector<std::string> reports;
  plan.run([&](std::string_view name, const std::string& error) { reports.push_back(std::string(name) + "|" + error); });
  EXPECT_EQ(ran, "abcdyz");
  ASSERT_EQ(reports.size(), 6U);
  EXPECT_EQ(reports[2], "listener|");
  EXPECT_NE(reports[3].find("stuck"), std::string::npos);
  plan.run({});
  EXPECT_EQ(ran, "abcdyz") << "once";
}

TEST(signal_watcher, a_request_ends_the_wait_of_fibers) {
  mamey::signal_watcher signals;
  mamey::runtime process({.threads = 1});
  process.run([&] {
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("main", [&] { signals.wait(); });
      mamey::yield();
      signals.request();
    });
    signals.wait();
  });
}

TEST(signal_watcher, waiting_honours_cancellation) {
  mamey::signal_watcher signals;
  mamey::runtime process({.threads = 1});
  process.run([&] {
    const mamey::deadline_scope soon(5ms);
    EXPECT_THROW(signals.wait(), mamey::deadline_exceeded);
  });
}

class signal_watcher_process : public testing::Test {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(signal_watcher_process, the_first_signal_starts_the_shutdown_and_the_second_ends_the_process_at_once) {
  EXPECT_EXIT(
      {
        mamey::signal_watcher signals;
        mamey::runtime process({.threads = 1});
        process.run([&] {
          ::kill(::getpid(), SIGTERM);
          signals.wait();
          ::fputs("shutting down\n", stderr);
          for (;;) {  // within half a second of the first it would be the same signal
            mamey::sleep_for(100ms);
            ::kill(::getpid(), SIGINT);
          }
        });
      },
      testing::ExitedWithCode(130), "shutting down");
}

TEST_F(signal_watcher_process, a_signal_right_after_the_first_is_the_same) {
  EXPECT_EXIT(
      {
        mamey::signal_watcher signals;
        mamey::runtime process({.threads = 1});
        process.run([&] {
          ::kill(::getpid(), SIGTERM);
          signals.wait();
          ::kill(::getpid(), SIGTERM);
          mamey::sleep_for(50ms);
        });
        ::_exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(signal_watcher_process, when_nobody_watches_any_more_a_signal_ends_the_process) {
  EXPECT_EXIT(
      {
        { const mamey::signal_watcher signals; }
        ::kill(::getpid(), SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(run_blocking, does_not_block_the_loop_and_carries_results_and_exceptions) {
  mamey::runtime process({.threads = 1});
  process.run([] {
    mamey::semaphore from_loop(0);
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("other", [&] { from_loop.release(); });
      EXPECT_EQ(mamey::run_blocking([&] {
                  from_loop.acquire();  // blocks a pool thread until the other fiber ran
                  return 3;
                }),
                3);
    });
    EXPECT_THROW(mamey::run_blocking([] { throw std::out_of_range("x"); }), std::out_of_range);
    EXPECT_EQ(
        mamey::run_blocking([] { return mamey::run_blocking([] { return std::this_thread::get_id(); }) == std::this_thread::get_id(); }),
        true);
  });
}

TEST(run_blocking, waits_for_a_thread_under_the_deadline_and_joins_what_has_begun) {
  mamey::runtime process({.threads = 1, .blocking_threads = 1, .blocking_queue = 1});
  process.run([] {
    std::atomic<bool> ended{false};
    mamey::semaphore begun(0), go(0);
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("owner of the thread", [&] {
        const mamey::deadline_scope soon(10ms);
        mamey::run_blocking([&] {
          begun.release();
          const mamey::masked_section patient;
          go.acquire();
          ended = true;
        });
        EXPECT_TRUE(ended.load()) << "joined though its deadline passed";
      });
      begun.acquire();
      bool ran = false;
      scope.spawn("in the queue", [&] {
        const mamey::deadline_scope soon(20ms);
        EXPECT_THROW(mamey::run_blocking([&] { ran = true; }), mamey::deadline_exceeded);
      });
      mamey::yield();
      EXPECT_THROW(mamey::run_blocking([] {}), mamey::unavailable) << "the queue is full";
      mamey::sleep_for(30ms);
      EXPECT_FALSE(ran);
      go.release();
    });
  });
}

TEST(run_blocking, runs_many_at_once_up_to_the_number_of_threads) {
  mamey::runtime process({.threads = 2, .blocking_threads = 4});
  std::atomic<int> inside{0}, most{0}, total{0};
  process.run([&] {
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (std::size_t i = 0; i < 200; ++i) {
        scope.spawn_on(process.loop(i % 2), "caller", [&] {
          mamey::run_blocking([&] {
            const int now = ++inside;
            int seen = most.load();
            while (now > seen && !most.compare_exchange_weak(seen, now)) {}
            std::this_thread::yield();
            --inside;
            ++total;
          });
        });
      }
    });
  });
  EXPECT_EQ(total.load(), 200);
  EXPECT_LE(most.load(), 4);
}

}  // namespace
