/// Recurring jobs on one store: each occurrence by one of many instances, whatever dies.

#include "job_fixture.hpp"

namespace mamey::testing {
namespace {

timestamp utc(const char* text) { return parse_timestamp(text).value(); }

TEST(job_runner, starts_each_occurrence_once_however_many_instances_run) {
  job_world world;
  world.run(3, {world.job("tick", schedule::every(1min))}, 1h + 1s);
  EXPECT_EQ(world.runs["tick"].size(), 60U);
  for (const auto& [at, count] : world.runs["tick"]) EXPECT_EQ(count, 1) << format_timestamp(at);
  EXPECT_EQ(world.row("tick").runs, 60);
  EXPECT_EQ(world.row("tick").last, utc("2026-01-01T01:00:00Z"));
}

TEST(job_runner, runs_the_last_occurrence_late_after_an_outage_and_tells_of_the_missed_ones) {
  job_world world;
  const std::vector jobs{world.job("once", schedule::every(1h)), world.job("skips", schedule::every(1h), missed_runs::skip)};
  world.run(2, jobs, 90min);
  world.time.advance(4h);
  world.run(2, jobs, 10min);  // 05:30 to 05:40
  EXPECT_EQ(world.runs["once"], (std::map<timestamp, int>{{utc("2026-01-01T01:00:00Z"), 1}, {utc("2026-01-01T05:00:00Z"), 1}}));
  EXPECT_EQ(world.missed["once"], 3);
  EXPECT_EQ(world.row("once").missed, 3);
  EXPECT_EQ(world.runs["skips"], (std::map<timestamp, int>{{utc("2026-01-01T01:00:00Z"), 1}}));
  EXPECT_EQ(world.row("skips").missed, 4);
  EXPECT_EQ(world.row("skips").next, utc("2026-01-01T06:00:00Z"));
}

TEST(job_runner, follows_a_schedule_that_another_instance_has_declared_since) {
  job_world world;
  world.time.run([&] {
    with_scope([&](task_scope& scope) {
      const auto instance = [&](schedule when) {
        scope.spawn("instance", [&world, when] {
          try {
            world.live({world.job("tick", when)});
          } catch (const cancelled&) {}
        });
      };
      instance(schedule::every(1h));
      sleep_for(90min);
      instance(schedule::every(20min));
      sleep_for(90min + 1s);  // 03:00
      scope.cancel();
    });
  });
  EXPECT_EQ(world.row("tick").schedule, "every 00:20:00");
  std::vector<std::string> times;
  for (const auto& [at, count] : world.runs["tick"])
    times.push_back(format_timestamp(at).substr(11, 5) + (count == 1 ? "" : " more than once"));
  EXPECT_EQ(times, (std::vector<std::string>{"01:00", "01:40", "02:00", "02:20", "02:40", "03:00"}));
}

TEST(job_runner, declares_its_schedule_once_and_not_again_after_an_outage) {
  job_world world;
  watched_store mine(world.database, [&](moment now, const change_set& changes) { world.observe(now, changes); });
  job_runner older(mine, mine, {world.job("tick", schedule::every(1h))}),
      newer(world.database, world.database, {world.job("tick", schedule::every(20min))});
  const auto run_for = [&](job_runner& tested, std::chrono::nanoseconds span) {
    world.time.run([&] {
      with_scope([&](task_scope& scope) {
        scope.spawn("instance", [&] {
          try {
            tested.run();
          } catch (const cancelled&) {
          } catch (const unavailable&) {}
        });
        sleep_for(span);
        scope.cancel();
      });
    });
  };
  run_for(older, 10min);
  run_for(newer, 1min);
  mine.is_away = true;
  run_for(older, 1min);
  mine.is_away = false;
  run_for(older, 10min);  // 00:22
  EXPECT_EQ(world.row("tick").schedule, "every 00:20:00");
  EXPECT_EQ(world.runs["tick"], (std::map<timestamp, int>{{utc("2026-01-01T00:20:00Z"), 1}}));
}

TEST(job_runner, keeps_a_disabled_job_back_and_misses_nothing_then) {
  job_world world;
  auto off = world.job("tick", schedule::every(1h));
  const auto on = off;
  off.enabled = false;
  world.run(1, {on}, 90min);
  world.run(1, {off}, 5h);
  EXPECT_FALSE(world.row("tick").enabled);
  world.run(1, {on}, 1h);  // 06:30 to 07:30
  EXPECT_EQ(world.runs["tick"], (std::map<timestamp, int>{{utc("2026-01-01T01:00:00Z"), 1}, {utc("2026-01-01T07:00:00Z"), 1}}));
  EXPECT_EQ(world.row("tick").missed, 0);
}

TEST(job_runner, goes_on_with_the_other_jobs_when_one_cannot_make_its_message) {
  job_world world;
  auto broken = world.job("broken", schedule::every(1h));
  broken.record = [](const occurrence&, change_set&) { throw std::runtime_error("no message today"); };
  world.run(1, {broken, world.job("tick", schedule::every(1h))}, 150min);
  EXPECT_EQ(world.runs["tick"].size(), 2U);
  EXPECT_EQ(world.row("broken").runs, 0);
  EXPECT_EQ(world.row("broken").next, utc("2026-01-01T01:00:00Z")) << "it is tried again";
}

TEST(job_runner, waits_for_a_clock_that_was_set_back_a_little_and_plans_anew_after_a_lot) {
  job_world world;
  const std::vector jobs{world.job("tick", schedule::every(30min))};
  world.run(2, jobs, 65min);
  world.time.jump_wall_clock(-20min);  // 00:45
  world.run(2, jobs, 50min);           // 01:35
  EXPECT_EQ(world.runs["tick"], (std::map<timestamp, int>{
                                    {utc("2026-01-01T00:30:00Z"), 1}, {utc("2026-01-01T01:00:00Z"), 1}, {utc("2026-01-01T01:30:00Z"), 1}}));
  world.time.jump_wall_clock(std::chrono::hours(24 * 400));
  const std::vector with_new{jobs.front(), world.job("first seen then", schedule::every(12h))};
  world.run(2, with_new, 10min);
  world.time.jump_wall_clock(-std::chrono::hours(24 * 400));  // it was a mistake: 01:45
  world.run(2, with_new, 20min);
  EXPECT_EQ(world.runs["tick"][utc("2026-01-01T02:00:00Z")], 1) << "not in 400 days";
  EXPECT_EQ(world.row("first seen then").next, utc("2026-01-01T12:00:00Z"));
  for (const auto& [id, count] : world.ids) EXPECT_EQ(count, 1) << id;
}

// -- a virtual year ---------------------------------------------------------------------------------------------------

struct wanted_job {
  std::string name, expression;
  std::function<bool(int hour, int minute, int weekday, int day)> matches;
};

/// The local time of a zone by the C library, which knows nothing of ours.
class c_library_zone {
 public:
  explicit c_library_zone(const char* zone) {
    if (const char* const before = std::getenv("TZ")) before_ = before;
    setenv("TZ", zone, 1);
    tzset();
  }
  ~c_library_zone() {
    if (before_.empty())
      unsetenv("TZ");
    else
      setenv("TZ", before_.c_str(), 1);
    tzset();
  }
  std::tm local(std::time_t at) const {
    std::tm parts{};
    localtime_r(&at, &parts);
    return parts;
  }

 private:
  std::string before_;
};

/// Minute by minute: an occurrence is due when the local clock first shows its time, or a later one.
std::map<timestamp, int> plainly(const char* zone, const wanted_job& job, std::time_t from, std::time_t to) {
  const c_library_zone there(zone);
  std::map<timestamp, int> due;
  const auto shown = [&](std::time_t at) {
    auto parts = there.local(at);
    return timegm(&parts);
  };
  auto highest = shown(from);
  for (auto at = from + 60; at <= to; at += 60) {
    const auto now = shown(at);
    for (auto each = highest + 60; each <= now; each += 60) {
      std::tm parts{};
      gmtime_r(&each, &parts);
      if (job.matches(parts.tm_hour, parts.tm_min, parts.tm_wday, parts.tm_mday)) due[timestamp(std::chrono::seconds(at))] = 1;
    }
    highest = std::max(highest, now);
  }
  return due;
}

TEST(job_runner, starts_each_occurrence_of_a_year_in_five_zones_once_while_three_instances_are_killed_at_the_minute) {
  job_world world;
  const std::vector<const char*> zones{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"};
  const std::vector<wanted_job> wanted{
      {"night", "30 2 * * *", [](int hour, int minute, int, int) { return hour == 2 && minute == 30; }},
      {"midnight", "@daily", [](int hour, int minute, int, int) { return hour == 0 && minute == 0; }},
      {"hourly", "0 * * * *", [](int, int minute, int, int) { return minute == 0; }},
      {"often", "*/20 1-3 * * *", [](int hour, int minute, int, int) { return hour >= 1 && hour <= 3 && minute % 20 == 0; }},
      {"either", "15 6 1,15 * mon",
       [](int hour, int minute, int weekday, int day) { return hour == 6 && minute == 15 && (weekday == 1 || day == 1 || day == 15); }},
  };
  std::vector<recurring_job> jobs;
  for (const auto* zone : zones) {
    for (const auto& each : wanted) jobs.push_back(world.job(each.name + " " + zone, schedule::cron(each.expression, zone)));
  }
  jobs.push_back(world.job("six hours", schedule::every(6h)));
  const auto from = std::chrono::system_clock::to_time_t(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
  const auto year = std::chrono::hours(24 * 365);
  world.kill_one_in = 20;
  world.run(3, jobs, year + 5min);
  EXPECT_GT(world.kills, 1000);
  const auto to = from + std::chrono::seconds(year).count() - 60;
  for (const auto* zone : zones) {
    for (const auto& each : wanted) {
      const auto name = each.name + " " + zone;
      auto found = world.runs[name];
      std::erase_if(found, [&](const auto& run) { return run.first > timestamp(std::chrono::seconds(to)); });
      const auto expected = plainly(zone, each, from, to);
      EXPECT_GT(expected.size(), 60U) << name;
      EXPECT_EQ(found, expected) << name;
      EXPECT_EQ(world.row(name).missed, 0) << name;
    }
  }
  EXPECT_GE(world.runs["six hours"].size(), 4U * 365);
  for (const auto& [id, count] : world.ids) ASSERT_EQ(count, 1) << id;
}

}  // namespace
}  // namespace mamey::testing
