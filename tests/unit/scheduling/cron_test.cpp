/// Cron expressions, compared with a plain reading of the classic rules.

#include <mamey/scheduling/cron.hpp>

#include <gtest/gtest.h>

#include <random>
#include <set>

#include <mamey/core/error.hpp>

namespace {

using namespace std::chrono;
using mamey::cron_expression;
using mamey::local_minute;

local_minute at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return local_minute(local_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)).time_since_epoch()) +
         hours(hour) + minutes(minute);
}

std::string refusal_of(std::string_view text) {
  try {
    const cron_expression made(text);
    return "not refused";
  } catch (const mamey::error& refused) {
    EXPECT_EQ(refused.code(), "invalid_schedule");
    return refused.reason();
  }
}

TEST(cron, finds_the_next_minute_that_matches) {
  const auto from = at(2026, 3, 10, 12, 30);  // a Tuesday
  EXPECT_EQ(cron_expression("* * * * *").next_after(from), at(2026, 3, 10, 12, 31));
  EXPECT_EQ(cron_expression("0 2 * * *").next_after(from), at(2026, 3, 11, 2));
  EXPECT_EQ(cron_expression("30 12 * * *").next_after(from), at(2026, 3, 11, 12, 30)) << "strictly after";
  EXPECT_EQ(cron_expression("*/20 * * * *").next_after(from), at(2026, 3, 10, 12, 40));
  EXPECT_EQ(cron_expression("10-30/10 8-18/2 * * *").next_after(from), at(2026, 3, 10, 14, 10));
  EXPECT_EQ(cron_expression("0 0 * * MON").next_after(from), at(2026, 3, 16));
  EXPECT_EQ(cron_expression("0 0 1 Jan,jul *").next_after(from), at(2026, 7, 1));
  EXPECT_EQ(cron_expression("0 0 29 2 *").next_after(from), at(2028, 2, 29));
  EXPECT_EQ(cron_expression("59 23 31 12 *").next_after(at(2026, 12, 31, 23, 59)), at(2027, 12, 31, 23, 59));
}

TEST(cron, counts_sunday_as_0_and_7) {
  const auto sunday = at(2026, 3, 15);
  for (const auto* text : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * 6-7", "0 0 * * sat-sun", "0 0 * * fri-sun"}) {
    EXPECT_TRUE(cron_expression(text).matches(sunday)) << text;
    EXPECT_FALSE(cron_expression(text).matches(at(2026, 3, 11))) << text;
  }
}

TEST(cron, takes_a_day_by_either_of_two_restricted_fields_and_by_both_when_one_begins_with_a_star) {
  const cron_expression either("0 0 13 * fri");
  EXPECT_TRUE(either.matches(at(2026, 3, 13))) << "Friday the 13th";
  EXPECT_TRUE(either.matches(at(2026, 3, 20))) << "a Friday";
  EXPECT_TRUE(either.matches(at(2026, 4, 13))) << "a Monday";
  EXPECT_FALSE(either.matches(at(2026, 4, 14)));
  const cron_expression both("0 0 */2 * fri");
  EXPECT_TRUE(both.matches(at(2026, 3, 13)));
  EXPECT_FALSE(both.matches(at(2026, 3, 20))) << "an even day";
  EXPECT_FALSE(both.matches(at(2026, 3, 15))) << "no Friday";
}

TEST(cron, knows_the_short_names_of_classic_cron) {
  const auto from = at(2026, 3, 10, 12, 30);
  EXPECT_EQ(cron_expression("@hourly").next_after(from), at(2026, 3, 10, 13));
  EXPECT_EQ(cron_expression("@daily").next_after(from), at(2026, 3, 11));
  EXPECT_EQ(cron_expression(" @midnight ").next_after(from), at(2026, 3, 11));
  EXPECT_EQ(cron_expression("@weekly").next_after(from), at(2026, 3, 15));
  EXPECT_EQ(cron_expression("@Monthly").next_after(from), at(2026, 4, 1));
  EXPECT_EQ(cron_expression("@yearly").next_after(from), at(2027, 1, 1));
}

TEST(cron, refuses_what_it_does_not_know_with_a_sentence) {
  const struct {
    const char *text, *sentence;
  } cases[] = {
      {"", "has 0 fields, expected five"},
      {"0 2 * *", "has 4 fields, expected five"},
      {"0 0 2 * * *", "there is no field for seconds"},
      {"60 * * * *", "minute is 60, expected 0 to 59"},
      {"* 24 * * *", "hour is 24, expected 0 to 23"},
      {"* * 0 * *", "day of the month is 0, expected 1 to 31"},
      {"* * * 13 *", "month is 13, expected 1 to 12"},
      {"* * * * 8", "day of the week is 8, expected 0 to 7"},
      {"* * * * funday", "expected a number from 0 to 7 or the first three letters"},
      {"* * L * *", "L, W, H, ? and # of other schedulers are not supported"},
      {"* * 15W * *", "are not supported"},
      {"* * * * 5#2", "are not supported"},
      {"* * ? * 5", "are not supported"},
      {"H * * * *", "are not supported"},
      {"30-10 * * * *", "a range that runs backwards"},
      {"*/0 * * * *", "has the step \"0\", expected a number from 1 to 59"},
      {"*/60 * * * *", "expected a number from 1 to 59"},
      {"*/ * * * *", "has the step \"\""},
      {"5/10 * * * *", "write 5-59/10"},
      {"1,,2 * * * *", "has an empty part"},
      {"1- * * * *", "minute is \"\""},
      {"-1 * * * *", "minute is \"-1\""},
      {"+1 * * * *", "minute is \"+1\""},
      {"99999999999 * * * *", "expected a number from 0 to 59"},
      {"* * 31 2 *", "no month that it names has such a day"},
      {"@reboot", "expected @hourly, @daily"},
      {"@every 5m", "has 2 fields"},
  };
  for (const auto& each : cases)
    EXPECT_NE(refusal_of(each.text).find(each.sentence), std::string::npos) << each.text << ": " << refusal_of(each.text);
  EXPECT_NE(refusal_of(std::string(300, '*')).find("at most 256"), std::string::npos);
}

TEST(cron, agrees_with_a_walk_through_every_minute) {
  std::mt19937 random(7);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  for (int round = 0; round < 300; ++round) {
    std::set<int> minutes_wanted, hours_wanted, days_wanted, months_wanted, weekdays_wanted;
    const auto field = [&](std::set<int>& wanted, int low, int high, int end) {
      std::string text;
      switch (pick(0, 3)) {
        case 0:
          for (int each = low; each <= end; ++each) wanted.insert(each);
          return std::string("*");
        case 1: {
          const int step = pick(1, high);
          for (int each = low; each <= end; each += step) wanted.insert(each);
          return "*/" + std::to_string(step);
        }
        case 2: {
          const int from = pick(low, high), to = pick(from, high), step = pick(1, 5);
          for (int each = from; each <= to; each += step) wanted.insert(each);
          return std::to_string(from) + "-" + std::to_string(to) + "/" + std::to_string(step);
        }
        default:
          for (int i = pick(1, 3); i > 0; --i) {
            const int each = pick(low, high);
            wanted.insert(each);
            text += (text.empty() ? "" : ",") + std::to_string(each);
          }
          return text;
      }
    };
    const auto minute = field(minutes_wanted, 0, 59, 59), hour = field(hours_wanted, 0, 23, 23), day = field(days_wanted, 1, 28, 31),
               month = field(months_wanted, 1, 12, 12), weekday_text = field(weekdays_wanted, 0, 6, 6);
    const auto text = minute + " " + hour + " " + day + " " + month + " " + weekday_text;
    const cron_expression tested(text);
    const auto expected = [&](local_minute time) {
      const auto date = floor<days>(time);
      const year_month_day parts(date);
      const bool by_day = days_wanted.contains(static_cast<int>(static_cast<unsigned>(parts.day()))),
                 by_weekday = weekdays_wanted.contains(static_cast<int>(weekday(date).c_encoding()));
      const bool one_is_enough = day[0] != '*' && weekday_text[0] != '*';
      const auto of_day = (time - date).count();
      return months_wanted.contains(static_cast<int>(static_cast<unsigned>(parts.month()))) &&
             (one_is_enough ? by_day || by_weekday : by_day && by_weekday) && hours_wanted.contains(static_cast<int>(of_day / 60)) &&
             minutes_wanted.contains(static_cast<int>(of_day % 60));
    };
    const auto from = at(2026, 1, 1) + minutes(pick(0, 365 * 24 * 60));
    auto time = from;
    int left = 100'000;
    do time += minutes(1);
    while (--left > 0 && !expected(time));
    const auto found = tested.next_after(from);
    ASSERT_TRUE(found) << text;
    if (left > 0)
      EXPECT_EQ(*found, time) << text;
    else
      EXPECT_GT(*found, time - minutes(1)) << text;
    EXPECT_TRUE(tested.matches(*found)) << text;
  }
}

}  // namespace
