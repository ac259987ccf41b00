#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <stdexcept>

#include <mamey/runtime/detail/sanitizers.hpp>
#include <mamey/runtime/detail/suspension_checks.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace std::chrono_literals;

/// What must never happen ends the process with a sentence that names the fiber.
class forbidden : public testing::Test {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }

  template <class Body>
  static void in_fiber(Body body) {
    mamey::simulated_runtime simulation;
    simulation.run([&] { mamey::with_scope([&](mamey::task_scope& scope) { scope.spawn("culprit", body); }); });
  }
};

#if !defined(NDEBUG)
TEST_F(forbidden, suspending_in_a_no_suspend_section) {
  EXPECT_DEATH(in_fiber([] {
                 const mamey::detail::no_suspend_section callback;
                 mamey::yield();
               }),
               "fiber 'culprit' reached a suspension point inside a no_suspend_section");
}
#endif

#if defined(MAMEY_DETAIL_SEES_LOCKS)
TEST_F(forbidden, suspending_under_a_held_std_mutex) {
  EXPECT_DEATH(in_fiber([] {
                 std::mutex guard;
                 const std::lock_guard lock(guard);
                 mamey::sleep_for(1s);
               }),
               "fiber 'culprit' reached a suspension point while holding a std::mutex");
}

TEST_F(forbidden, suspending_in_a_statics_initialiser) {
  EXPECT_DEATH(in_fiber([] {
                 static const int value = [] {
                   mamey::yield();
                   return 1;
                 }();
                 EXPECT_EQ(value, 1);
               }),
               "fiber 'culprit' reached a suspension point .*static's initialiser");
}

TEST_F(forbidden, suspending_in_call_once) {
  EXPECT_DEATH(in_fiber([] {
                 static std::once_flag once;
                 std::call_once(once, [] { mamey::yield(); });
               }),
               "fiber 'culprit' reached a suspension point .*std::call_once");
}

TEST_F(forbidden, locks_that_were_let_go_and_statics_that_are_ready_are_no_obstacle) {
  in_fiber([] {
    std::mutex guard;
    { const std::lock_guard lock(guard); }
    if (guard.try_lock()) guard.unlock();
    static const std::string ready("ready");
    static const int thrown = [] {
      try {
        static const int never = [] { return throw std::runtime_error("not this time"), 1; }();
        return never;
      } catch (const std::runtime_error&) {
        return 2;
      }
    }();
    EXPECT_EQ(thrown, 2);
    mamey::yield();
  });
}
#endif

TEST_F(forbidden, an_exception_that_leaves_a_bare_fiber) {
  EXPECT_DEATH(
      {
        mamey::runtime process({.threads = 1});
        process.loop(0).start_fiber("culprit", [] { throw std::out_of_range("far"); });
        process.run([] { mamey::sleep_for(1h); });
      },
      "fiber 'culprit' let an exception out: .*out_of_range.*far");
}

TEST_F(forbidden, waiting_in_a_callback_of_a_loop) {
  EXPECT_DEATH(
      {
        mamey::runtime process({.threads = 1});
        process.loop(0).post([] { mamey::sleep_for(1h); });
        process.run([] { mamey::sleep_for(1h); });
      },
      "callback on an event loop reached a suspension point");
}

[[gnu::noinline]] int recurse(int depth) {
  volatile char page[2048];
  page[0] = static_cast<char>(depth);
  return depth < 1'000'000 ? recurse(depth + 1) + page[0] : 0;
}

TEST_F(forbidden, overflowing_the_stack_names_the_fiber) {
  EXPECT_DEATH(
      {
        mamey::runtime process({.threads = 1});
        process.run([] { mamey::with_scope([](mamey::task_scope& scope) { scope.spawn("culprit", [] { recurse(0); }); }); });
      },
      "fiber 'culprit' overflowed its stack");
}

TEST_F(forbidden, a_crash_that_a_fiber_swallows_for_ever) {
  EXPECT_DEATH(
      {
        mamey::simulated_runtime simulation;
        simulation.loop().start_fiber("culprit", [] {
          for (;;) {
            try {
              mamey::sleep_for(1h);
            } catch (...) {  // not banned: it is the mistake under test
            }
          }
        });
        simulation.advance(1s);
        simulation.crash();
      },
      "fiber 'culprit' does not end though it is killed");
}

TEST_F(forbidden, ending_the_runtime_under_fibers_that_do_not_end) {
  EXPECT_DEATH(
      {
        mamey::runtime process({.threads = 1});
        process.loop(0).start_fiber("culprit", [] { mamey::sleep_for(1h); });
        process.run([] {});
      },
      "the runtime ends but these fibers do not: 'culprit'");
}

}  // namespace
