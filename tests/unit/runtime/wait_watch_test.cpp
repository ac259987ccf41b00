#include <mamey/runtime/wait_watch.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/runtime/sync.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;

struct noted_waits final : wait_watch {
  std::vector<std::string> all;
  std::exception_ptr refusal;
  std::exception_ptr waits(std::string_view what, std::string_view object) noexcept override {
    all.push_back(std::string(what).append(object));
    return refusal;
  }
};

/// What the watched part of `work` waited for.
std::vector<std::string> waits_of(const std::function<void()>& work) {
  noted_waits noted;
  simulated_runtime time;
  time.run([&] {
    const watched_waits watched(&noted);
    work();
  });
  return noted.all;
}
using waits = std::vector<std::string>;

TEST(wait_watch, hears_of_each_kind_of_wait) {
  EXPECT_EQ(waits_of([] { sleep_for(1s); }), waits{"sleep_for"});
  EXPECT_EQ(waits_of([] {
              semaphore permits(0);
              permits.try_acquire_until(steady_now() + 1s);
            }),
            waits{"a semaphore"});
  EXPECT_EQ(waits_of([] {
              channel<int> values(1);
              values.receive_until(steady_now() + 1s);
            }),
            waits{"a channel"});
  EXPECT_EQ(waits_of([] {
              mutex guard;
              condition changed;
              std::unique_lock lock(guard);
              changed.wait_until(lock, steady_now() + 1s);
            }),
            waits{"a condition"});
  EXPECT_EQ(waits_of([] { with_scope([](task_scope& scope) { scope.spawn("child", [] { sleep_for(1s); }); }); }),
            waits{"its child fibers"});
  mutex guard;
  EXPECT_EQ(waits_of([&] {
              with_scope([&](task_scope& scope) {
                scope.spawn("holder", [&] {
                  const std::unique_lock lock(guard);
                  sleep_for(1s);
                });
                {
                  const watched_waits unseen(nullptr);
                  sleep_for(1ms);  // the holder has it
                }
                const std::unique_lock lock(guard);
              });
            }).front(),
            "a mutex");
}

TEST(wait_watch, hears_nothing_of_what_did_not_have_to_wait) {
  EXPECT_EQ(waits_of([] {
              mutex guard;
              const std::unique_lock lock(guard);
              semaphore permits(1);
              permits.acquire();
              channel<int> values(1);
              values.send(1);
              values.receive();
              yield();
              with_scope([](task_scope&) {});
            }),
            waits{});
}

TEST(wait_watch, may_refuse_a_wait_where_that_may_throw) {
  noted_waits noted;
  noted.refusal = std::make_exception_ptr(std::runtime_error("no wait here"));
  simulated_runtime time;
  time.run([&] {
    {
      const watched_waits watched(&noted);
      EXPECT_THROW(sleep_for(1s), std::runtime_error);
      EXPECT_THROW(with_scope([](task_scope& scope) { scope.spawn("child", [] { yield(); }); }), std::runtime_error);
      const masked_section masked;
      sleep_for(1s);
    }
    EXPECT_EQ(noted.all.size(), 3U);
  });
}

TEST(wait_watch, an_inner_watch_replaces_the_outer_one_until_it_ends) {
  EXPECT_EQ(waits_of([] {
              {
                const watched_waits unseen(nullptr);
                sleep_for(1s);
              }
              sleep_for(1s);
            }).size(),
            1U);
}

}  // namespace
