#pragma once

/// @file
/// Several instances of an application with recurring jobs, on one store and a virtual clock. Any of them may be killed at a commit.

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/persistence/sqlite/store.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/scheduling/job_runner.hpp>

namespace mamey::testing {

using namespace std::chrono_literals;

/// The end of a process, where it happens.
struct killed : std::exception {
  const char* what() const noexcept override { return "killed"; }
};

enum class moment : std::uint8_t { before_commit, after_commit };

/// A store as one instance sees it.
class watched_store final : public unit_store, public job_store {
 public:
  using observer = std::function<void(moment, const change_set&)>;
  watched_store(store& inner, observer watch) : inner_(inner), watch_(std::move(watch)) {}
  commit_outcome commit(const change_set& changes) override {
    watch_(moment::before_commit, changes);
    const auto outcome = inner_.commit(changes);
    watch_(moment::after_commit, changes);
    return outcome;
  }
  job_list list_jobs() override {
    if (is_away) throw unavailable("connection_lost", "the store is away");
    return inner_.list_jobs();
  }
  bool is_away = false;

 private:
  store& inner_;
  observer watch_;
};

class job_world {
 public:
  job_world() {
    time.jump_wall_clock(std::chrono::duration_cast<std::chrono::microseconds>(
        wall_time(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) - time.loop().wall_now()));
    database.prepare({});
  }

  simulated_runtime time{{.max_steps = 1'000'000'000}};
  sqlite_store database{sqlite_options{.path = ":memory:"},
                        sqlite_environment{.clock = [this] { return time.loop().wall_now(); }, .wait = sqlite_environment::waiting::block}};
  std::mt19937 random{11};
  int kill_one_in = 0;  ///< commits; 0: nobody is killed
  int kills = 0;
  std::map<std::string, std::map<timestamp, int>> runs;  ///< job ⇒ occurrence ⇒ how often its message was committed
  std::map<std::string, std::int64_t> missed;            ///< as the messages say
  std::map<std::string, int> ids;                        ///< of messages

  recurring_job job(std::string name, schedule when, missed_runs policy = missed_runs::run_once) {
    return {.name = std::move(name), .when = std::move(when), .missed = policy, .record = [](const occurrence& due, change_set& changes) {
              auto& message = changes.outbox.emplace_back();
              message.id = message_id_of(due);
              message.type = due.job;
              message.occurred_at = due.time;
              message.position = due.missed;
            }};
  }

  void observe(moment now, const change_set& changes) {
    if (now == moment::after_commit) {
      for (const auto& each : changes.outbox) {
        ++runs[each.type][each.occurred_at];
        missed[each.type] += each.position;
        ++ids[each.id];
      }
    }
    if (kill_one_in == 0 || std::uniform_int_distribution(1, kill_one_in * 2)(random) != 1) return;
    ++kills;
    throw killed();
  }

  /// An instance; one that is killed starts again after up to `longest_absence`.
  void live(const std::vector<recurring_job>& jobs, std::chrono::seconds longest_absence = 90s) {
    for (;;) {
      try {
        watched_store mine(database, [this](moment now, const change_set& changes) { observe(now, changes); });
        job_runner runner(mine, mine, jobs, {.longest_sleep = 10min, .seed = static_cast<std::uint32_t>(random())});
        runner.run();
      } catch (const killed&) {
        sleep_for(std::chrono::seconds(std::uniform_int_distribution<std::int64_t>(1, longest_absence.count())(random)));
      }
    }
  }

  /// `instances` of them for `span` of virtual time.
  void run(int instances, const std::vector<recurring_job>& jobs, std::chrono::nanoseconds span) {
    time.run([&] {
      with_scope([&](task_scope& scope) {
        for (int i = 0; i < instances; ++i) {
          scope.spawn("instance", [&] {
            try {
              live(jobs);
            } catch (const cancelled&) {}
          });
        }
        sleep_for(span);
        scope.cancel();
      });
    });
  }

  job_row row(const std::string& name) {
    for (auto& each : database.list_jobs().rows) {
      if (each.name == name) return each;
    }
    return {};
  }
};

}  // namespace mamey::testing
