/// What becomes of an occurrence that is on time, late or missed.

#include <mamey/scheduling/job_turn.hpp>

#include <gtest/gtest.h>

namespace {

using namespace std::chrono;
using mamey::missed_runs;
using mamey::schedule;
using mamey::turn_of;

const auto start = sys_seconds(sys_days(2026y / January / 5)) + 8h;

TEST(job_turn, starts_an_occurrence_that_is_on_time) {
  for (const auto policy : {missed_runs::run_once, missed_runs::skip}) {
    const auto turn = turn_of(schedule::every(5min), policy, 60s, start, start + 1s);
    EXPECT_EQ(turn.due, start);
    EXPECT_EQ(turn.missed, 0);
    EXPECT_EQ(turn.next, start + 5min);
  }
}

TEST(job_turn, runs_the_last_of_several_late_or_skips_all_that_are_too_late) {
  const auto late = turn_of(schedule::every(5min), missed_runs::run_once, 60s, start, start + 17min);
  EXPECT_EQ(late.due, start + 15min);
  EXPECT_EQ(late.missed, 3);
  EXPECT_EQ(late.next, start + 20min);
  const auto skipped = turn_of(schedule::every(5min), missed_runs::skip, 60s, start, start + 17min);
  EXPECT_FALSE(skipped.due);
  EXPECT_EQ(skipped.missed, 4);
  EXPECT_EQ(skipped.next, start + 20min);
  const auto one_in_time = turn_of(schedule::every(5min), missed_runs::skip, 60s, start, start + 15min + 60s);
  EXPECT_EQ(one_in_time.due, start + 15min);
  EXPECT_EQ(one_in_time.missed, 3);
}

TEST(job_turn, counts_no_further_than_a_million_and_goes_on_in_the_present) {
  const auto now = start + hours(24 * 365);
  const auto turn = turn_of(schedule::every(1s), missed_runs::run_once, 60s, start, now);
  EXPECT_EQ(turn.missed, mamey::job_turn::most_missed);
  EXPECT_EQ(turn.next, now + 1s);
}

TEST(job_turn, ends_with_the_calendar) {
  const auto turn = turn_of(schedule::cron("@yearly", "UTC"), missed_runs::run_once, 60s, sys_seconds(sys_days(9989y / January / 1)),
                            sys_seconds(sys_days(9989y / January / 1)));
  EXPECT_TRUE(turn.due);
  EXPECT_EQ(turn.next, mamey::never);
}

}  // namespace
