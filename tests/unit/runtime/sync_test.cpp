#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

TEST(mutex, may_be_held_across_a_suspension_and_serves_in_the_order_of_arrival) {
  mamey::runtime process({.threads = 1});  // a real loop resumes in order
  std::string order;
  process.run([&] {
    mamey::mutex guard;
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (const char name : std::string("abcd")) {
        scope.spawn("holder", [&, name] {
          for (int round = 0; round < 2; ++round) {
            const std::unique_lock lock(guard);
            mamey::yield();
            order += name;
          }
        });
      }
    });
    EXPECT_TRUE(guard.try_lock());
    EXPECT_FALSE(guard.try_lock());
    guard.unlock();
  });
  EXPECT_EQ(order, "abcdabcd");
}

TEST(mutex, locked_twice_by_one_fiber_is_an_error_rather_than_a_hang) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::mutex guard;
    const std::unique_lock lock(guard);
    EXPECT_THROW(guard.lock(), std::system_error);
  });
}

TEST(mutex, a_waiter_that_gives_up_leaves_the_lock_to_the_next) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::mutex guard;
    mamey::with_scope([&](mamey::task_scope& scope) {
      std::unique_lock lock(guard);
      scope.spawn("impatient", [&] {
        const mamey::deadline_scope soon(1s);
        EXPECT_THROW(guard.lock(), mamey::deadline_exceeded);
      });
      bool got = false;
      scope.spawn("patient", [&] {
        const std::unique_lock mine(guard);
        got = true;
      });
      mamey::sleep_for(2s);
      EXPECT_FALSE(got);
      lock.unlock();
      mamey::sleep_for(1s);
      EXPECT_TRUE(got);
    });
  });
}

TEST(mutex, excludes_across_loops_and_plain_threads) {
  mamey::runtime process({.threads = 2});
  mamey::mutex guard;
  long shared = 0;
  const auto work = [&] {
    for (int i = 0; i < 2'000; ++i) {
      const std::unique_lock lock(guard);
      ++shared;
    }
  };
  std::thread plain(work);
  process.run([&] {
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (std::size_t i = 0; i < 4; ++i) scope.spawn_on(process.loop(i % 2), "worker", work);
    });
  });
  plain.join();
  EXPECT_EQ(shared, 10'000);
}

TEST(condition, wakes_one_or_all_and_honours_its_limit) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::mutex guard;
    mamey::condition changed;
    int value = 0, seen = 0;
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int i = 0; i < 3; ++i) {
        scope.spawn("waiter", [&] {
          std::unique_lock lock(guard);
          changed.wait(lock, [&] { return value > 0; });
          ++seen;
        });
      }
      mamey::sleep_for(1s);
      value = 1;
      changed.notify_one();
      mamey::sleep_for(1s);
      EXPECT_EQ(seen, 1);
      changed.notify_all();
      mamey::sleep_for(1s);
      EXPECT_EQ(seen, 3);
    });
    std::unique_lock lock(guard);
    EXPECT_FALSE(changed.wait_until(lock, mamey::steady_now() + 1s));
    EXPECT_TRUE(lock.owns_lock());
  });
}

TEST(condition, an_interrupted_wait_throws_with_the_lock_held) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::mutex guard;
    mamey::condition never;
    std::unique_lock lock(guard);
    const mamey::deadline_scope soon(1s);
    EXPECT_THROW(never.wait(lock), mamey::deadline_exceeded);
    EXPECT_TRUE(lock.owns_lock());
    lock.unlock();
  });
}

TEST(semaphore, hands_permits_over_and_times_out_without_losing_one) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::semaphore permits(1);
    EXPECT_TRUE(permits.try_acquire());
    EXPECT_FALSE(permits.try_acquire());
    EXPECT_FALSE(permits.try_acquire_until(mamey::steady_now() + 1s));
    permits.release(2);
    permits.acquire();
    EXPECT_TRUE(permits.try_acquire_until(mamey::steady_now()));
    EXPECT_FALSE(permits.try_acquire());
  });
}

TEST(semaphore, no_permit_is_lost_when_waits_end_by_time_on_one_loop_and_releases_come_from_another) {
  mamey::runtime process({.threads = 2});
  process.run([&] {
    mamey::semaphore permits(0);
    std::size_t taken = 0;
    constexpr std::size_t released = 500;
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn_on(process.loop(1), "releaser", [&] {
        for (std::size_t i = 0; i < released; ++i) {
          permits.release();
          if (i % 8 == 0) mamey::sleep_for(30us);
        }
      });
      while (taken < released) taken += permits.try_acquire_until(mamey::steady_now() + 20us) ? 1 : 0;
    });
    EXPECT_FALSE(permits.try_acquire());
  });
}

TEST(channel, is_bounded_and_drains_after_it_was_closed) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::channel<std::string> channel(2);
    EXPECT_TRUE(channel.try_send("a"));
    EXPECT_TRUE(channel.send("b"));
    EXPECT_FALSE(channel.try_send("c"));
    mamey::with_scope([&](mamey::task_scope& scope) {
      bool refused = false;
      scope.spawn("sender", [&] { refused = !channel.send("late"); });
      mamey::sleep_for(1s);
      EXPECT_FALSE(refused) << "waits for room";
      channel.close();
      mamey::sleep_for(1s);
      EXPECT_TRUE(refused);
    });
    EXPECT_EQ(channel.receive(), "a");
    EXPECT_EQ(channel.receive_until(mamey::steady_now()), "b");
    EXPECT_EQ(channel.receive(), std::nullopt);
    EXPECT_EQ(channel.try_receive(), std::nullopt);
  });
}

TEST(channel, a_receive_gives_up_at_its_limit) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    mamey::channel<int> channel(1);
    const auto until = mamey::steady_now() + 5s;
    EXPECT_EQ(channel.receive_until(until), std::nullopt);
    EXPECT_EQ(mamey::steady_now(), until);
  });
}

TEST(channel, carries_everything_once_and_in_order_between_loops_and_threads) {
  mamey::runtime process({.threads = 2});
  mamey::channel<int> channel(4);
  constexpr int count = 3'000;
  std::vector<int> received;
  std::thread consumer([&] {
    while (const auto value = channel.receive()) received.push_back(*value);
  });
  process.run([&] {
    mamey::channel<int> between(3);
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn_on(process.loop(1), "forwarder", [&] {
        while (const auto value = between.receive()) channel.send(*value);
        channel.close();
      });
      for (int i = 0; i < count; ++i) between.send(i);
      between.close();
    });
  });
  consumer.join();
  ASSERT_EQ(received.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ASSERT_EQ(received[static_cast<std::size_t>(i)], i);
}

TEST(outside_a_fiber, the_same_functions_block_the_thread) {
  mamey::semaphore permits(0);
  EXPECT_FALSE(permits.try_acquire_until(mamey::steady_now() + 2ms));
  const auto [value, nothing] = mamey::when_all([] { return 42; }, [&] { permits.release(); });
  EXPECT_EQ(value, 42);
  permits.acquire();
  EXPECT_EQ(mamey::run_blocking([] { return 7; }), 7);
  const mamey::deadline_scope soon(2ms);
  EXPECT_THROW(mamey::sleep_for(1h), mamey::deadline_exceeded);
}

TEST(outside_a_fiber, cancellation_ends_a_blocked_thread) {
  const mamey::context_scope fresh({.cancel = std::make_shared<mamey::cancellation>()});
  std::thread other([cancel = mamey::current_context().cancel] { cancel->request(); });
  EXPECT_THROW(mamey::sleep_for(1h), mamey::cancelled);
  other.join();
}

}  // namespace
