#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

TEST(with_scope, returns_after_every_child) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    int ended = 0;
    mamey::with_scope([&](mamey::task_scope& scope) {
      for (int i = 1; i <= 3; ++i) {
        scope.spawn("child", [&ended, i] {
          mamey::sleep_for(std::chrono::seconds(i));
          ++ended;
        });
      }
    });
    EXPECT_EQ(ended, 3);
  });
}

TEST(with_scope, the_first_failure_cancels_siblings_and_body_and_is_rethrown) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    int cancelled = 0;
    const auto start = mamey::steady_now();
    const auto wait_for_ever = [&] {
      try {
        mamey::sleep_for(1h);
      } catch (const mamey::cancelled&) {
        ++cancelled;
        throw;
      }
    };
    try {
      mamey::with_scope([&](mamey::task_scope& scope) {
        scope.spawn("sibling", wait_for_ever);
        scope.spawn("failing", [] {
          mamey::sleep_for(1s);
          throw std::out_of_range("first");
        });
        wait_for_ever();
      });
      FAIL() << "nothing was rethrown";
    } catch (const std::out_of_range& first) {
      EXPECT_STREQ(first.what(), "first");
    }
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(mamey::steady_now(), start + 1s);
    mamey::sleep_for(1s);  // the cancellation was the scope's, not ours
  });
}

TEST(with_scope, a_body_that_throws_cancels_and_joins_its_children_first) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    bool child_ended = false;
    EXPECT_THROW(mamey::with_scope([&](mamey::task_scope& scope) {
                   scope.spawn("child", [&] {
                     try {
                       mamey::sleep_for(1h);
                     } catch (const mamey::cancelled&) {
                       const mamey::masked_section cleaning;
                       mamey::sleep_for(5s);
                       child_ended = true;
                     }
                   });
                   mamey::yield();
                   throw std::runtime_error("body");
                 }),
                 std::runtime_error);
    EXPECT_TRUE(child_ended);
  });
}

TEST(with_scope, cancelling_on_purpose_is_no_failure) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto start = mamey::steady_now();
    mamey::with_scope([&](mamey::task_scope& scope) {
      scope.spawn("background", [] { mamey::sleep_for(1h); });
      mamey::sleep_for(1s);
      scope.cancel();
      mamey::sleep_for(1s);  // the body goes on
    });
    EXPECT_EQ(mamey::steady_now(), start + 2s);
  });
}

TEST(with_scope, joins_even_when_the_deadline_expires_in_the_join) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    bool ended = false;
    EXPECT_THROW(
        {
          const mamey::deadline_scope soon(1s);
          mamey::with_scope([&](mamey::task_scope& scope) {
            scope.spawn("slow", [&] {
              {
                const mamey::masked_section stubborn;
                mamey::sleep_for(10s);
                ended = true;
              }
              mamey::sleep_for(1s);
            });
          });
        },
        mamey::deadline_exceeded);
    EXPECT_TRUE(ended);
  });
}

TEST(with_scope, the_callers_cancellation_reaches_the_children_and_comes_out) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto cancel = std::make_shared<mamey::cancellation>();
    mamey::current_context().cancel = cancel;
    mamey::event_loop::current()->add_timer(mamey::steady_now() + 1s, [cancel] { cancel->request(); });
    EXPECT_THROW(mamey::with_scope([](mamey::task_scope& scope) { scope.spawn("child", [] { mamey::sleep_for(1h); }); }), mamey::cancelled);
    mamey::current_context().cancel = nullptr;
  });
}

TEST(with_scope, children_may_run_on_other_loops) {
  mamey::runtime process({.threads = 2});
  process.run([&] {
    mamey::event_loop* seen = nullptr;
    mamey::with_scope(
        [&](mamey::task_scope& scope) { scope.spawn_on(process.loop(1), "elsewhere", [&] { seen = mamey::event_loop::current(); }); });
    EXPECT_EQ(seen, &process.loop(1));
    EXPECT_THROW(mamey::with_scope([&](mamey::task_scope& scope) {
                   scope.spawn_on(process.loop(1), "elsewhere", [] { throw std::out_of_range("there"); });
                   mamey::sleep_for(1h);
                 }),
                 std::out_of_range);
  });
}

TEST(when_all, returns_results_in_order_and_runs_them_at_the_same_time) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto start = mamey::steady_now();
    auto [number, nothing, text] = mamey::when_all(
        [] {
          mamey::sleep_for(2s);
          return std::make_unique<int>(1);
        },
        [] { mamey::sleep_for(3s); }, [] { return std::string("x"); });
    EXPECT_EQ(*number, 1);
    EXPECT_EQ(nothing, std::monostate{});
    EXPECT_EQ(text, "x");
    EXPECT_EQ(mamey::steady_now(), start + 3s);
  });
}

TEST(when_all, the_first_exception_cancels_the_rest) {
  mamey::simulated_runtime simulation;
  simulation.run([] {
    const auto start = mamey::steady_now();
    EXPECT_THROW(mamey::when_all([] { mamey::sleep_for(1h); },
                                 [] {
                                   mamey::sleep_for(1s);
                                   throw std::out_of_range("now");
                                 }),
                 std::out_of_range);
    EXPECT_EQ(mamey::steady_now(), start + 1s);
  });
}

}  // namespace
