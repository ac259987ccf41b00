#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mamey/observability/health.hpp>

namespace health = mamey::health;
using health::importance;
using health::kind;
using health::status;
using std::chrono::milliseconds;

namespace {

struct fake_time {
  std::chrono::steady_clock::time_point now{};
  health::registry::clock clock() {
    return [this] { return now; };
  }
};

/// Keeps the tasks instead of running them: probes that hang until somebody lets them go.
struct hanging_runner {
  std::vector<health::task> tasks;
  health::task_runner runner() {
    return [this](std::vector<health::task> given) {
      for (auto& task : given) tasks.push_back(std::move(task));
    };
  }
};

health::probe always(std::string name, health::result answer) {
  return {.name = std::move(name), .check = [answer] { return answer; }};
}

const health::entry& entry_of(const health::report& report, std::string_view name) {
  for (const auto& entry : report.entries) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range("no entry " + std::string(name));
}

}  // namespace

TEST(health, a_critical_failure_is_the_services_and_a_degrading_one_degrades_it) {
  health::registry registry;
  registry.set_started();
  registry.add(always("store", {}));
  EXPECT_EQ(registry.check(kind::readiness).status, status::healthy);
  auto cache = always("cache", {status::unhealthy, "connection refused"});
  cache.importance = importance::degrading;
  registry.add(cache);
  const auto degraded = registry.check(kind::readiness);
  EXPECT_EQ(degraded.status, status::degraded);
  EXPECT_EQ(health::http_status(degraded), 200);
  registry.add(always("broker", {status::unhealthy, "gone"}));
  const auto broken = registry.check(kind::readiness);
  EXPECT_EQ(broken.status, status::unhealthy);
  EXPECT_EQ(health::http_status(broken), 503);
}

TEST(health, each_question_asks_its_own_probes) {
  health::registry registry;
  registry.set_started();
  registry.add(always("store", {status::unhealthy, ""}));
  auto loop = always("loop", {});
  loop.kinds = kind::liveness | kind::readiness;
  registry.add(loop);
  const auto alive = registry.check(kind::liveness);
  EXPECT_EQ(alive.status, status::healthy) << "a restart does not cure a store";
  ASSERT_EQ(alive.entries.size(), 1U);
  EXPECT_EQ(registry.check(kind::readiness).entries.size(), 2U);
}

TEST(health, a_service_is_not_ready_before_its_start_and_after_its_stop) {
  health::registry registry;
  EXPECT_EQ(registry.check(kind::startup).status, status::unhealthy);
  EXPECT_EQ(registry.check(kind::readiness).status, status::unhealthy);
  EXPECT_EQ(registry.check(kind::liveness).status, status::healthy);
  registry.set_started();
  EXPECT_EQ(registry.check(kind::startup).status, status::healthy);
  EXPECT_EQ(registry.check(kind::readiness).status, status::healthy);
  registry.set_stopping();
  EXPECT_EQ(registry.check(kind::readiness).status, status::unhealthy);
  EXPECT_EQ(registry.check(kind::liveness).status, status::healthy) << "or it would be killed while it drains";
}

TEST(health, a_probe_that_throws_is_unhealthy_with_its_message) {
  health::registry registry;
  registry.add(
      {.name = "store", .kinds = kind::liveness, .check = []() -> health::result { throw std::runtime_error("database is locked"); }});
  registry.add({.name = "odd", .kinds = kind::liveness, .check = []() -> health::result { throw 42; }});
  const auto report = registry.check(kind::liveness);
  EXPECT_EQ(entry_of(report, "store").message, "database is locked");
  EXPECT_EQ(entry_of(report, "odd").status, status::unhealthy);
  EXPECT_FALSE(entry_of(report, "odd").message.empty());
}

TEST(health, an_answer_stands_for_its_cache_span) {
  fake_time time;
  health::registry registry({}, time.clock());
  int runs = 0;
  registry.add({.name = "store", .kinds = kind::liveness, .cache = milliseconds(1'000), .check = [&] {
                  ++runs;
                  return health::result{};
                }});
  registry.check(kind::liveness);
  time.now += milliseconds(999);
  registry.check(kind::liveness);
  EXPECT_EQ(runs, 1);
  time.now += milliseconds(1);
  registry.check(kind::liveness);
  EXPECT_EQ(runs, 2);
}

TEST(health, a_hanging_probe_is_reported_and_not_started_again_until_it_ends) {
  fake_time time;
  hanging_runner hanging;
  health::registry registry(hanging.runner(), time.clock());
  registry.add({.name = "store", .kinds = kind::liveness, .timeout = milliseconds(500), .check = [] { return health::result{}; }});
  const auto first = registry.check(kind::liveness);
  EXPECT_EQ(first.status, status::unhealthy);
  EXPECT_EQ(entry_of(first, "store").message, "no answer within 500 ms");
  time.now += milliseconds(60'000);
  EXPECT_EQ(registry.check(kind::liveness).status, status::unhealthy);
  ASSERT_EQ(hanging.tasks.size(), 1U) << "one run at a time";
  EXPECT_EQ(hanging.tasks[0].timeout, milliseconds(500));

  hanging.tasks[0].run();  // it comes back to life
  EXPECT_EQ(registry.check(kind::liveness).status, status::healthy);
  time.now += milliseconds(60'000);
  registry.check(kind::liveness);
  EXPECT_EQ(hanging.tasks.size(), 2U);
}

TEST(health, an_answer_after_the_timeout_is_none) {
  fake_time time;
  health::registry registry({}, time.clock());
  registry.add({.name = "slow", .kinds = kind::liveness, .timeout = milliseconds(100), .check = [&] {
                  time.now += milliseconds(250);
                  return health::result{};
                }});
  EXPECT_EQ(entry_of(registry.check(kind::liveness), "slow").message, "answered after 250 ms, allowed are 100 ms");
}

TEST(health, a_run_under_way_may_outlive_its_registry) {
  hanging_runner hanging;
  {
    health::registry registry(hanging.runner());
    registry.add({.name = "store", .kinds = kind::liveness, .check = [] { return health::result{}; }});
    registry.check(kind::liveness);
  }
  hanging.tasks.at(0).run();
}

TEST(health, a_runner_that_drops_a_task_does_not_silence_the_probe_for_ever) {
  fake_time time;
  health::registry registry([](const std::vector<health::task>&) {}, time.clock());
  int runs = 0;
  registry.add({.name = "store", .kinds = kind::liveness, .check = [&] {
                  ++runs;
                  return health::result{};
                }});
  EXPECT_EQ(entry_of(registry.check(kind::liveness), "store").message, "could not be run");
  registry.set_runner({});
  time.now += milliseconds(60'000);
  EXPECT_EQ(registry.check(kind::liveness).status, status::healthy);
  EXPECT_EQ(runs, 1);
}

TEST(health, a_probe_under_way_elsewhere_shows_its_previous_answer) {
  fake_time time;
  health::registry* inner = nullptr;
  health::report seen;
  health::registry registry({}, time.clock());
  registry.add({.name = "store", .kinds = kind::liveness, .check = [&] {
                  if (inner != nullptr) seen = inner->check(kind::liveness);
                  return health::result{status::degraded, "slow disk"};
                }});
  registry.check(kind::liveness);
  time.now += milliseconds(60'000);
  inner = &registry;
  registry.check(kind::liveness);
  EXPECT_EQ(entry_of(seen, "store").message, "slow disk");
}

TEST(health, names_are_unique_and_a_removed_probe_is_gone) {
  health::registry registry;
  registry.set_started();
  registry.add(always("store", {status::unhealthy, ""}));
  EXPECT_THROW(registry.add(always("store", {})), std::logic_error);
  EXPECT_THROW(registry.add({.name = "empty"}), std::logic_error);
  registry.remove("store");
  EXPECT_TRUE(registry.check(kind::readiness).entries.empty());
}

TEST(health, reports_are_written_as_json_and_as_text) {
  const health::report report{
      .status = status::degraded,
      .entries = {{.name = "store", .duration = std::chrono::microseconds(1'250)},
                  {.name = "cache", .status = status::unhealthy, .importance = importance::degrading, .message = "says \"no\""}}};
  EXPECT_EQ(health::to_json(report), R"({"status":"degraded","checks":[{"name":"store","status":"healthy","durationMs":1.25},)"
                                     R"({"name":"cache","status":"unhealthy","message":"says \"no\"","durationMs":0}]})");
  EXPECT_EQ(health::to_text(report), "degraded\ncache: unhealthy: says \"no\"\n");
}
