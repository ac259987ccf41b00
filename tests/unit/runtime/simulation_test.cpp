#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <stdexcept>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/random.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/supervisor.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

std::string schedule_of(std::uint64_t seed) {
  std::string trace;
  mamey::simulated_runtime simulation({.seed = seed});
  simulation.run([&] {
    mamey::channel<char> channel(2);
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (const char name : std::string("abcdef")) {
        scope.spawn("one", [&trace, &channel, name] {
          for (int round = 0; round < 4; ++round) {
            trace += name;
            mamey::yield();
            channel.send(name);
            mamey::run_blocking([] {});
          }
        });
      }
      for (int i = 0; i < 24; ++i) trace += static_cast<char>(*channel.receive() - 32);
    });
  });
  return trace;
}

TEST(simulation, equal_seeds_give_equal_schedules_and_others_give_others) {
  std::set<std::string> schedules;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto schedule = schedule_of(seed);
    EXPECT_EQ(schedule, schedule_of(seed)) << "seed " << seed;
    schedules.insert(schedule);
  }
  EXPECT_GT(schedules.size(), 18U);
}

/// What the framework draws at random in a simulation: jitter and ids of traces.
std::string drawn_from(std::uint64_t seed) {
  std::string drawn;
  mamey::simulated_runtime simulation({.seed = seed});
  simulation.run([&] { drawn = std::to_string(mamey::random_share()) + " " + mamey::trace_context::make_root().to_traceparent(); });
  return drawn;
}

TEST(simulation, the_seed_decides_what_the_framework_draws_at_random) {
  EXPECT_EQ(drawn_from(7), drawn_from(7));
  EXPECT_NE(drawn_from(7), drawn_from(8));
}

TEST(simulation, time_stands_still_until_nothing_is_ready_and_then_jumps) {
  mamey::simulated_runtime simulation;
  const auto began = std::chrono::steady_clock::now();
  const auto start = simulation.loop().now();
  const auto wall = simulation.loop().wall_now();
  simulation.run([] {
    const auto before = mamey::steady_now();
    for (int i = 0; i < 100; ++i) mamey::yield();
    EXPECT_EQ(mamey::steady_now(), before);
    const auto now = mamey::now_utc();
    mamey::sleep_for(24h);
    EXPECT_EQ(mamey::now_utc(), now + 24h);
  });
  EXPECT_EQ(simulation.loop().now(), start + 24h);
  EXPECT_EQ(simulation.loop().wall_now(), wall + 24h);
  EXPECT_GT(mamey::now_utc(), wall + 48h);  // outside the loop it is what everybody's clock says
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1h);
}

TEST(simulation, the_wall_clock_jumps_and_the_steady_clock_does_not_notice) {
  mamey::simulated_runtime simulation;
  const auto steady = simulation.loop().now();
  const auto wall = simulation.loop().wall_now();
  simulation.jump_wall_clock(-1h);
  EXPECT_EQ(simulation.loop().wall_now(), wall - 1h);
  EXPECT_EQ(simulation.loop().now(), steady);
}

TEST(simulation, advancing_runs_background_work_for_exactly_that_span) {
  mamey::simulated_runtime simulation;
  int ticks = 0;
  const auto start = simulation.loop().now();
  simulation.loop().start_fiber("ticker", [&] {
    for (;;) {
      mamey::sleep_for(1s);
      ++ticks;
    }
  });
  simulation.advance(3500ms);
  EXPECT_EQ(ticks, 3);
  EXPECT_EQ(simulation.loop().now(), start + 3500ms);
  simulation.advance(500ms);
  EXPECT_EQ(ticks, 4);
}

TEST(simulation, a_deadlock_is_reported_with_the_names_of_those_who_wait) {
  mamey::simulated_runtime simulation;
  mamey::semaphore never(0);
  try {
    simulation.run([&] {
      mamey::with_scope([&](mamey::task_scope& scope) {
        scope.spawn("relay", [&] { never.acquire(); });
        never.acquire();
      });
    });
    FAIL() << "a deadlock went unnoticed";
  } catch (const std::logic_error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("deadlock"), std::string::npos) << text;
    EXPECT_NE(text.find("'relay'"), std::string::npos) << text;
    EXPECT_NE(text.find("'run'"), std::string::npos) << text;
  }
  EXPECT_EQ(simulation.run([] { return 1; }), 1) << "usable afterwards";
}

TEST(simulation, a_schedule_that_spins_is_ended) {
  mamey::simulated_runtime simulation({.max_steps = 1'000});
  EXPECT_THROW(simulation.run([] {
    for (;;) mamey::yield();
  }),
               std::logic_error);
}

TEST(simulation, counts_steps_call_by_call) {
  mamey::simulated_runtime simulation({.max_steps = 1'000});
  const auto many = [] {
    for (int i = 0; i < 600; ++i) mamey::yield();
  };
  for (int i = 0; i < 5; ++i) simulation.run(many);

  EXPECT_GT(simulation.steps(), 3'000U);
  EXPECT_THROW(simulation.run([&] { many(), many(); }), std::logic_error);
  EXPECT_NO_THROW(simulation.run(many)) << "usable afterwards";
}

TEST(simulation, has_no_sockets) {
  mamey::simulated_runtime simulation;
  struct : mamey::event_loop::watcher {
    void readable() override {}
    void writable() override {}
  } nobody;
  EXPECT_THROW(simulation.run([&] { mamey::event_loop::current()->watch(0, nobody); }), std::system_error);
}

struct witness {
  explicit witness(std::string& where, char name) : log(where), mark(name) {}
  ~witness() { log += mark; }
  std::string& log;
  char mark;
};

TEST(crash, unwinds_every_fiber_where_it_is_suspended) {
  mamey::simulated_runtime simulation;
  std::string log;
  mamey::semaphore never(0);
  simulation.loop().start_fiber("sleeper", [&] {
    const witness local(log, 's');
    mamey::sleep_for(1h);
    log += '!';
  });
  simulation.loop().start_fiber("parent", [&] {
    const witness local(log, 'p');
    mamey::with_scope([&](mamey::task_scope& scope) {
      const witness body(log, 'b');
      scope.spawn("child", [&] {
        const witness own(log, 'c');
        never.acquire();
        log += '!';
      });
    });
    log += '!';
  });
  simulation.loop().add_timer(simulation.loop().now() + 10s, [&] { log += '!'; });
  simulation.advance(1s);
  EXPECT_EQ(log, "b");
  simulation.crash();
  EXPECT_EQ(std::set<char>(log.begin(), log.end()), (std::set<char>{'b', 's', 'c', 'p'}));
  EXPECT_LT(log.find('c'), log.find('p')) << "a parent's stack outlives its children";
  EXPECT_EQ(simulation.loop().read_statistics().fibers_alive, 0U);
  simulation.advance(1min);
  EXPECT_EQ(log.find('!'), std::string::npos) << "timers of before do not fire";
}

TEST(crash, is_not_swallowed_by_who_catches_std_exceptions_and_is_thrown_again) {
  mamey::simulated_runtime simulation;
  int caught = 0, thrown_again = 0;
  simulation.loop().start_fiber("stubborn", [&] {
    try {
      mamey::sleep_for(1h);
    } catch (const std::exception&) {
      ++caught;
    } catch (const mamey::detail::fiber_killed&) {
      EXPECT_TRUE(mamey::simulated_runtime::crashing());
      try {
        mamey::yield();
      } catch (const mamey::detail::fiber_killed&) {
        ++thrown_again;
      }
    }
  });
  simulation.advance(1s);
  simulation.crash();
  EXPECT_EQ(caught, 0);
  EXPECT_EQ(thrown_again, 1);
}

TEST(crash, lets_destructors_that_wait_for_other_killed_fibers_end) {
  mamey::simulated_runtime simulation;
  bool other_ended = false, joined = false;
  mamey::mutex guard;
  mamey::condition changed;
  simulation.loop().start_fiber("other", [&] {
    const std::unique_ptr<void, std::function<void(void*)>> at_end(&other_ended, [&](void*) {
      const std::unique_lock lock(guard);
      other_ended = true;
      changed.notify_all();
    });
    mamey::sleep_for(1h);
  });
  simulation.loop().start_fiber("owner", [&] {
    struct joining {
      std::function<void()> join;
      ~joining() { join(); }
    } const at_end{[&] {
      std::unique_lock lock(guard);
      changed.wait(lock, [&] { return other_ended; });
      joined = true;
    }};
    mamey::sleep_for(1h);
  });
  simulation.advance(1s);
  simulation.crash();
  EXPECT_TRUE(joined);
}

TEST(crash, can_come_at_every_suspension_point_of_a_schedule) {
  std::uint64_t points = 0;
  for (std::uint64_t at = 0;; ++at) {
    mamey::simulated_runtime simulation({.seed = 3});
    int effects = 0, acknowledged = 0;
    simulation.loop().start_fiber("worker", [&] {
      for (int i = 0; i < 5; ++i) {
        mamey::run_blocking([&] { ++effects; });
        ++acknowledged;
        mamey::yield();
      }
    });
    while (simulation.steps() < at && simulation.step()) {}
    const bool ended = simulation.loop().read_statistics().fibers_alive == 0 && at > 0;
    simulation.crash();
    ASSERT_GE(effects, acknowledged);
    ASSERT_LE(effects, acknowledged + 1);
    if (ended) break;
    ++points;
  }
  EXPECT_GT(points, 15U);
}

TEST(crash, a_fiber_not_yet_started_never_runs) {
  mamey::simulated_runtime simulation;
  bool ran = false;
  simulation.loop().start_fiber("new", [&] { ran = true; });
  simulation.crash();
  simulation.advance(1s);
  EXPECT_FALSE(ran);
}

TEST(crash, ends_supervised_fibers_too) {
  mamey::simulated_runtime simulation;
  mamey::supervisor background(simulation.loop());
  background.start("relay", [] { mamey::sleep_for(1h); });
  simulation.advance(1s);
  simulation.crash();
  EXPECT_EQ(background.status().at(0).state, mamey::supervised_status::state_type::stopped);
  EXPECT_EQ(background.status().at(0).restarts, 0U);
}

TEST(simulation, destroying_it_unwinds_what_is_suspended) {
  std::string log;
  {
    mamey::simulated_runtime simulation;
    simulation.loop().start_fiber("waiter", [&] {
      const witness local(log, 'w');
      mamey::sleep_for(1h);
    });
    simulation.advance(1s);
  }
  EXPECT_EQ(log, "w");
}

}  // namespace
