/// Schedules in time zones: both days of a clock change, and names that do not exist.

#include <mamey/scheduling/schedule.hpp>
#include <mamey/scheduling/time_zone.hpp>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/core/time.hpp>

namespace {

using namespace std::chrono;
using mamey::schedule;

sys_seconds utc(const char* text) { return floor<seconds>(mamey::parse_timestamp(text).value()); }

std::vector<std::string> due_between(const schedule& tested, const char* from, const char* to) {
  std::vector<std::string> times;
  for (auto next = tested.next_after(utc(from)); next && *next <= utc(to); next = tested.next_after(*next))
    times.push_back(mamey::format_timestamp(*next));
  return times;
}

template <class Make>
std::string refusal_of(Make make) {
  try {
    make();
    return "not refused";
  } catch (const mamey::error& refused) {
    EXPECT_EQ(refused.code(), "invalid_schedule");
    return refused.reason();
  }
}

using texts = std::vector<std::string>;

TEST(schedule, follows_the_local_time_of_its_zone) {
  const auto daily = schedule::cron("0 2 * * *", "America/New_York");
  EXPECT_EQ(due_between(daily, "2026-01-10T12:00:00Z", "2026-01-12T12:00:00Z"), (texts{"2026-01-11T07:00:00Z", "2026-01-12T07:00:00Z"}));
  EXPECT_EQ(due_between(daily, "2026-07-10T12:00:00Z", "2026-07-11T12:00:00Z"), (texts{"2026-07-11T06:00:00Z"}));
}

TEST(schedule, runs_what_falls_into_the_skipped_hour_once_at_the_first_instant_after_it) {
  // Berlin, 2026-03-29: 02:00 is 03:00, at 01:00 UTC.
  EXPECT_EQ(due_between(schedule::cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z"),
            (texts{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}));
  EXPECT_EQ(
      due_between(schedule::cron("*/20 1-3 * * *", "Europe/Berlin"), "2026-03-29T00:15:00Z", "2026-03-29T01:45:00Z"),
      (texts{"2026-03-29T00:20:00Z", "2026-03-29T00:40:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z", "2026-03-29T01:40:00Z"}));
}

TEST(schedule, runs_in_the_doubled_hour_the_first_time_only) {
  // Berlin, 2026-10-25: 03:00 is 02:00 again, at 01:00 UTC.
  EXPECT_EQ(due_between(schedule::cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
            (texts{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}));
  EXPECT_EQ(due_between(schedule::cron("0 * * * *", "Europe/Berlin"), "2026-10-24T23:30:00Z", "2026-10-25T03:30:00Z"),
            (texts{"2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"}));
  EXPECT_EQ(due_between(schedule::cron("30 2 * * *", "Europe/Berlin"), "2026-10-25T01:15:00Z", "2026-10-26T12:00:00Z"),
            (texts{"2026-10-26T01:30:00Z"}))
      << "asked within the second pass";
}

TEST(schedule, knows_changes_by_half_an_hour_and_of_a_whole_day) {
  // Lord Howe: half an hour. On 2026-04-05 02:00 is 01:30 again, at 2026-04-04T15:00Z.
  EXPECT_EQ(due_between(schedule::cron("45 1 * * *", "Australia/Lord_Howe"), "2026-04-04T12:00:00Z", "2026-04-05T23:00:00Z"),
            (texts{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}));
  // Apia had no 2011-12-30.
  EXPECT_EQ(due_between(schedule::cron("0 12 * * *", "Pacific/Apia"), "2011-12-29T23:00:00Z", "2012-01-01T00:00:00Z"),
            (texts{"2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"}));
}

TEST(schedule, follows_the_rules_of_a_zone_beyond_the_transitions_that_its_file_lists) {
  const auto noon = schedule::cron("0 12 15 1,7 *", "Europe/Berlin");
  EXPECT_EQ(due_between(noon, "2060-01-01T00:00:00Z", "2060-12-31T00:00:00Z"), (texts{"2060-01-15T11:00:00Z", "2060-07-15T10:00:00Z"}));
}

TEST(schedule, repeats_an_interval_at_its_multiples) {
  EXPECT_EQ(due_between(schedule::every(5min), "2026-01-01T00:03:00Z", "2026-01-01T00:15:00Z"),
            (texts{"2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:15:00Z"}));
  EXPECT_EQ(schedule::every(1h).next_after(utc("1969-12-31T22:30:00Z")), utc("1969-12-31T23:00:00Z"));
  EXPECT_EQ(schedule::every(1h).next_after(utc("1969-12-31T22:00:00Z")), utc("1969-12-31T23:00:00Z"));
  EXPECT_NE(refusal_of([] { schedule::every(0s); }).find("expected one from 00:00:01 to 366.00:00:00"), std::string::npos);
  EXPECT_NE(refusal_of([] { schedule::every(hours(24 * 400)); }).find("the interval 400.00:00:00 is refused"), std::string::npos);
}

TEST(schedule, is_read_again_from_its_text) {
  for (const auto& each : {schedule::every(90s), schedule::every(24h), schedule::cron("*/5 8-17 * * mon-fri", "Asia/Kathmandu"),
                           schedule::cron("@daily", "UTC")}) {
    EXPECT_EQ(schedule::parse(each.text()).text(), each.text());
    EXPECT_EQ(schedule::parse(each.text()).next_after(utc("2026-05-05T05:05:05Z")), each.next_after(utc("2026-05-05T05:05:05Z")));
  }
  EXPECT_EQ(schedule::cron("0 2 * * *", "Europe/Berlin").text(), "cron 0 2 * * * in Europe/Berlin");
  EXPECT_NE(refusal_of([] { schedule::parse("lunar 3"); }).find("no schedule that this release knows"), std::string::npos);
}

TEST(schedule, refuses_a_zone_that_does_not_exist_and_names_the_likely_one) {
  EXPECT_NE(refusal_of([] { schedule::cron("@daily", "Europe/Berln"); }).find("did you mean Europe/Berlin?"), std::string::npos);
  EXPECT_NE(refusal_of([] { schedule::cron("@daily", "europe/berlin"); }).find("did you mean Europe/Berlin?"), std::string::npos);
  for (const auto* each : {"", "W. Europe Standard Time", "../../etc/passwd", "/etc/localtime", "localtime", "Fixed/UTC+01:00:00",
                           "zone1970.tab", "tzdata.zi", "America"})
    EXPECT_NE(refusal_of([each] { schedule::cron("@daily", each); }).find("was not found"), std::string::npos) << each;
}

TEST(schedule, ends_with_the_calendar) {
  EXPECT_FALSE(schedule::every(1h).next_after(sys_seconds(sys_days(year(9995) / 1 / 1))));
  EXPECT_FALSE(schedule::cron("@daily", "UTC").next_after(sys_seconds(sys_days(year(9995) / 1 / 1))));
}

}  // namespace
