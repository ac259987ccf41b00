#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/stack_pool.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

TEST(fiber, run_returns_what_the_body_returns_and_throws_what_it_throws) {
  mamey::runtime process({.threads = 1});
  EXPECT_EQ(process.run([] { return std::string("value"); }), "value");
  EXPECT_THROW(process.run([] { throw std::out_of_range("far"); }), std::out_of_range);
  int local = 1;
  process.run([&]() -> int& { return local; }) = 2;
  EXPECT_EQ(local, 2);
}

TEST(fiber, stays_on_the_loop_it_was_started_on) {
  mamey::runtime process({.threads = 2});
  process.run_on(process.loop(1), [&] {
    EXPECT_EQ(mamey::event_loop::current(), &process.loop(1));
    mamey::sleep_for(1ms);
    mamey::run_blocking([] {});
    EXPECT_EQ(mamey::event_loop::current(), &process.loop(1));
  });
  process.run_on(process.system_loop(), [&] { EXPECT_EQ(mamey::event_loop::current(), &process.system_loop()); });
}

TEST(fiber, suspends_inside_catch_blocks_without_meeting_anothers_exception) {
  mamey::simulated_runtime simulation({.seed = 7});
  int right = 0;
  simulation.run([&] {
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int i = 0; i < 200; ++i) {
        scope.spawn("thrower", [&right, mine = "boom" + std::to_string(i)] {
          for (int round = 0; round < 5; ++round) {
            try {
              mamey::yield();
              throw std::runtime_error(mine);
            } catch (const std::exception& outer) {
              mamey::yield();
              try {
                throw std::logic_error(mine + mine);
              } catch (const std::exception& inner) {
                mamey::yield();
                if (inner.what() == mine + mine) ++right;
              }
              if (outer.what() == mine) ++right;
            }
          }
        });
      }
    });
  });
  EXPECT_EQ(right, 2000);
}

TEST(fiber, ten_thousand_wait_at_the_same_time) {
  const std::size_t count = std::min<std::size_t>(10'000, mamey::detail::stack_limit() / 2);
  mamey::runtime process({.threads = 2});
  std::atomic<std::size_t> done{0};
  process.run([&] {
    mamey::semaphore gate(0), arrived(0);
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (std::size_t i = 0; i < count; ++i) {
        scope.spawn_on(process.loop(i % 2), "waiter", [&] {
          arrived.release();
          gate.acquire();
          ++done;
        });
      }
      for (std::size_t i = 0; i < count; ++i) arrived.acquire();
      EXPECT_EQ(done.load(), 0U);
      EXPECT_GE(process.loop(0).read_statistics().fibers_alive + process.loop(1).read_statistics().fibers_alive, count);
      gate.release(count);
    });
  });
  EXPECT_EQ(done.load(), count);
}

/// The process gets no more stacks than it has and so many others, while this lives.
class few_stacks {
 public:
  explicit few_stacks(std::size_t more) { mamey::detail::lower_stack_limit(mamey::detail::mapped_stack_count() + more); }
  ~few_stacks() { lift(); }
  void lift() { mamey::detail::lower_stack_limit(std::numeric_limits<std::size_t>::max()); }
};

TEST(fiber, beyond_the_number_of_stacks_a_start_waits_for_an_end) {
  const few_stacks scarce(100);
  mamey::runtime process({.threads = 1});
  std::size_t done = 0;
  process.run([&] {
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (std::size_t i = 0; i < 500; ++i) {
        scope.spawn("one of many", [&] {
          mamey::yield();
          ++done;
        });
      }
    });
  });
  EXPECT_EQ(done, 500U);
}

TEST(fiber, a_start_for_which_there_was_no_stack_begins_when_there_is_one_again_though_nothing_lives_on_its_loop) {
  few_stacks none(0);
  mamey::runtime process({.threads = 1});
  std::promise<void> first, second;
  process.loop(0).start_fiber("first", [&] { first.set_value(); });
  process.loop(0).start_fiber("second", [&] { second.set_value(); });
  auto begun = first.get_future();
  EXPECT_EQ(begun.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  none.lift();
  EXPECT_EQ(begun.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(second.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
}

TEST(fiber, no_capacity_is_left_when_the_system_refuses_another_stack) {
  mamey::runtime process({.threads = 1});
  std::promise<std::pair<std::size_t, std::size_t>> seen;
  few_stacks none(0);
  process.loop(0).post([&] {
    const auto before = mamey::fiber_capacity_left();
    none.lift();
    seen.set_value({before, mamey::fiber_capacity_left()});
  });
  const auto [before, after] = seen.get_future().get();
  EXPECT_EQ(before, 0U);
  EXPECT_GT(after, 100U);
}

TEST(fiber, stacks_that_rest_on_one_loop_are_given_up_soon_when_another_loop_wants_some) {
  mamey::runtime process({.threads = 2});
  few_stacks scarce(60);
  const auto run_at_once = [&](std::size_t loop, std::size_t count) {
    std::promise<void> ended;
    std::atomic<std::size_t> begun{0}, left{count};
    for (std::size_t i = 0; i < count; ++i) {
      process.loop(loop).start_fiber("one of many", [&] {
        ++begun;
        while (begun < count) mamey::sleep_for(std::chrono::milliseconds(1));
        if (--left == 0) ended.set_value();
      });
    }
    ended.get_future().get();
  };
  run_at_once(0, 40);
  const auto start = std::chrono::steady_clock::now();
  run_at_once(1, 40);  // only 20 are free; loop 0 keeps what rests for 10 s
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(8));
}

TEST(fiber, capacity_falls_with_the_fibers_alive) {
  mamey::runtime process({.threads = 1, .max_fibers = 10});
  process.run([] {
    const auto before = mamey::fiber_capacity_left();
    EXPECT_EQ(before, 9U);  // this one lives
    mamey::semaphore gate(0);
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int i = 0; i < 20; ++i) scope.spawn("waiter", [&] { gate.acquire(); });
      EXPECT_EQ(mamey::fiber_capacity_left(), 0U);
      gate.release(20);
    });
    EXPECT_EQ(mamey::fiber_capacity_left(), before);
  });
}

TEST(fiber, a_start_from_another_thread_inherits_the_callers_context) {
  mamey::runtime process({.threads = 1});
  mamey::current_context().tenant = "acme";
  EXPECT_EQ(process.run([] { return mamey::current_context().tenant; }), "acme");
  mamey::current_context() = {};
}

TEST(fiber, running_from_a_loop_is_refused_because_it_would_block_it) {
  mamey::runtime process({.threads = 1});
  process.run([&] { EXPECT_THROW(process.run([] {}), std::logic_error); });
}

TEST(timer, fires_in_order_and_can_be_cancelled) {
  mamey::simulated_runtime simulation;
  std::string fired;
  simulation.run([&] {
    auto& loop = *mamey::event_loop::current();
    const auto start = loop.now();
    loop.add_timer(start + 3s, [&] { fired += 'c'; });
    loop.add_timer(start + 1s, [&] { fired += 'a'; });
    const auto cancelled = loop.add_timer(start + 2s, [&] { fired += 'x'; });
    loop.add_timer(start + 2s, [&] { fired += 'b'; });
    EXPECT_TRUE(loop.cancel_timer(cancelled));
    EXPECT_FALSE(loop.cancel_timer(cancelled));
    const auto reused = loop.add_timer(start + 4s, [&] { fired += 'd'; });
    EXPECT_NE(reused, cancelled);
    EXPECT_FALSE(loop.cancel_timer(cancelled)) << "an old id must not cancel the timer that took its place";
    mamey::sleep_until(start + 5s);
    EXPECT_EQ(loop.now(), start + 5s);
  });
  EXPECT_EQ(fired, "abcd");
}

TEST(timer, thousands_that_are_due_at_once_let_others_run_between_them) {
  mamey::runtime process({.threads = 1});
  process.run([&] {
    auto& loop = *mamey::event_loop::current();
    const int timers = 4'000;
    int fired = 0, fired_before_others = 0;
    mamey::channel<bool> ended(1);
    for (int i = 0; i < timers; ++i) {
      loop.add_timer(loop.now(), [&] {
        if (++fired == 1) loop.post([&] { fired_before_others = fired; });
        if (fired == timers) ended.try_send(true);
      });
    }
    EXPECT_TRUE(ended.receive());
    EXPECT_GT(fired_before_others, 0);
    EXPECT_LT(fired_before_others, timers / 10);
  });
}

TEST(event_loop, runs_what_other_threads_post) {
  mamey::runtime process({.threads = 1});
  process.run([&] {
    mamey::channel<int> answers(1);
    mamey::run_blocking([&] { process.loop(0).post([&] { answers.try_send(42); }); });
    EXPECT_EQ(answers.receive(), 42);
  });
}

TEST(event_loop, reports_how_long_it_kept_others_waiting) {
  mamey::runtime process({.threads = 1});
  auto& loop = process.loop(0);
  process.run([&] { loop.read_statistics(); });
  process.run([&] {
    const auto until = std::chrono::steady_clock::now() + 20ms;
    while (std::chrono::steady_clock::now() < until) {}
    EXPECT_GE(loop.read_statistics().worst_lag, 19ms) << "a round that still runs counts";
  });
  process.run([] {});
}

}  // namespace
