#include <mamey/core/time.hpp>

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include <mamey/core/text.hpp>

namespace {

using namespace std::chrono_literals;

std::string again(std::string_view text) {
  const auto parsed = mamey::parse_timestamp(text);
  return parsed ? mamey::format_timestamp(*parsed) : "malformed";
}

TEST(time, a_timestamp_is_read_in_every_form_that_services_write) {
  EXPECT_EQ(again("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(again("2026-01-31T12:00:00"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(again("2026-01-31T12:00"), "2026-01-31T12:00:00Z");
  EXPECT_EQ(again("2026-01-31"), "2026-01-31T00:00:00Z");
  EXPECT_EQ(again("2026-01-31T12:00:00+02:00"), "2026-01-31T10:00:00Z");
  EXPECT_EQ(again("2026-01-01T00:30:00+14"), "2025-12-31T10:30:00Z");
  EXPECT_EQ(again("2025-12-31T23:30:00-01:30"), "2026-01-01T01:00:00Z");
  EXPECT_EQ(again("2026-01-31T12:00:00.5Z"), "2026-01-31T12:00:00.5Z");
  EXPECT_EQ(again("2026-01-31T12:00:00.1234567Z"), "2026-01-31T12:00:00.1234567Z");
  EXPECT_EQ(again("2026-01-31T12:00:00.123456789Z"), "2026-01-31T12:00:00.1234567Z");
  EXPECT_EQ(again("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00Z");
}

TEST(time, dotnets_extreme_dates_survive) {
  EXPECT_EQ(again("0001-01-01T00:00:00"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(again("9999-12-31T23:59:59.9999999"), "9999-12-31T23:59:59.9999999Z");
}

TEST(time, an_instant_that_its_offset_takes_out_of_the_calendar_is_refused) {
  EXPECT_EQ(again("9999-12-31T23:59:59-00:01"), "malformed");
  EXPECT_EQ(again("9999-12-31T23:59:59.9999999-14:00"), "malformed");
  EXPECT_EQ(again("0001-01-01T00:00:00+00:01"), "malformed");
  EXPECT_EQ(again("0001-01-01T01:00:00+01:00"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(again("9999-12-31T09:59:59-14:00"), "9999-12-31T23:59:59Z");
}

TEST(time, what_is_no_timestamp_is_refused) {
  for (const auto text : {"",
                          "2026",
                          "2026-1-31",
                          "2026-02-29",
                          "2026-13-01",
                          "2026-00-01",
                          "0000-01-01",
                          "2026-01-32",
                          "2026-01-31T",
                          "2026-01-31 12:00",
                          "2026-01-31T24:00:00",
                          "2026-01-31T12:60:00",
                          "2026-01-31T12:00:60",
                          "2026-01-31T12:00:00.",
                          "2026-01-31T12:00:00.Z",
                          "2026-01-31T12:00:00+15:00",
                          "2026-01-31T12:00:00+14:01",
                          "2026-01-31T12:00:00+2:00",
                          "2026-01-31T12:00:00Zx",
                          "2026-01-31Z",
                          "2026-01-31T12Z",
                          "2026-01-31T12:00:00.12345678901234567Z",
                          "+2026-01-31",
                          "2026-01-31T12:00:00+02:"}) {
    EXPECT_EQ(mamey::parse_timestamp(text), std::nullopt) << text;
  }
}

TEST(time, durations_are_read_as_dotnet_reads_them) {
  const auto read = [](std::string_view text) { return mamey::parse_duration(text); };
  EXPECT_EQ(read("00:00:30"), 30s);
  EXPECT_EQ(read("01:02"), 1h + 2min);
  EXPECT_EQ(read("00.00:30:00"), 30min);
  EXPECT_EQ(read("07.00:00:00"), 7 * 24h);
  EXPECT_EQ(read("1.06:00"), 30h);
  EXPECT_EQ(read("00:00:00.5"), 500ms);
  EXPECT_EQ(read("00:00:00.0000001"), mamey::ticks(1));
  EXPECT_EQ(read("10675199.02:48:05.4775807"), mamey::ticks::max());
  EXPECT_EQ(read("-10675199.02:48:05.4775808"), mamey::ticks::min());
  EXPECT_EQ(read("-00:01:00"), -1min);
  EXPECT_EQ(read(" 00:01:00 "), 1min);
  EXPECT_EQ(read("1:2:3:4.5"), 24h + 2h + 3min + 4500ms);
  EXPECT_EQ(read("5"), 5 * 24h);          // a bare number is days
  EXPECT_EQ(read("24:00:00"), 24 * 24h);  // hours end at 23
  EXPECT_EQ(read("23:59:59"), 24h - 1s);
}

TEST(time, what_is_no_duration_is_refused) {
  for (const auto text : {"",
                          "-",
                          "x",
                          "30s",
                          "00:60",
                          "24:00",
                          "1.24:00",
                          "00:00:60",
                          "1.5",
                          "1.",
                          "00:00:",
                          "00:00:00.",
                          "00:00:00.12345678",
                          "1:2:3:4:5",
                          "10675199.02:48:05.4775808",
                          "10675199.23:59:59",
                          "-10675199.02:48:05.4775809",
                          "1.2:3:4:5",
                          "99999999",
                          "24:00:00.5",
                          "--1"}) {
    EXPECT_EQ(mamey::parse_duration(text), std::nullopt) << text;
  }
}

TEST(time, durations_are_written_in_dotnets_constant_form) {
  EXPECT_EQ(mamey::format_duration(30s), "00:00:30");
  EXPECT_EQ(mamey::format_duration(25h + 1min), "1.01:01:00");
  EXPECT_EQ(mamey::format_duration(-500ms), "-00:00:00.5000000");
  EXPECT_EQ(mamey::parse_duration(mamey::format_duration(-(30h + 1us))), -(30h + 1us));
}

template <class T>
std::optional<T> read(std::string_view text) {
  T value{};
  return mamey::text_codec<T>::from_text(value, text) ? std::optional(value) : std::nullopt;
}

template <class T>
std::string written(const T& value) {
  if (!mamey::text_codec<T>::can_write(value)) return "refused";
  std::string text;
  mamey::text_codec<T>::to_text(text, value);
  return text;
}

/// What every value of a type must keep: it is read again as it was written, or it is not written.
template <class T>
void expect_it_returns(const T& value) {
  const auto text = written(value);
  if (text != "refused") {
    EXPECT_EQ(read<T>(text), value) << text;
  }
}

template <class Duration>
void check_unit(std::mt19937_64& random) {
  using limits = std::numeric_limits<typename Duration::rep>;
  for (const auto edge : {limits::min(), limits::max(), typename Duration::rep(0)}) {
    for (int distance = -3; distance <= 3; ++distance) {
      const auto count = static_cast<typename Duration::rep>(static_cast<std::uint64_t>(edge) + static_cast<std::uint64_t>(distance));
      expect_it_returns(Duration(count));
      expect_it_returns(std::chrono::sys_time<Duration>(Duration(count)));
    }
  }
  for (int i = 0; i < 2000; ++i) {
    const auto count = static_cast<typename Duration::rep>(random() >> random() % 64);
    for (const auto each : {count, static_cast<typename Duration::rep>(0 - static_cast<std::uint64_t>(count))}) {
      expect_it_returns(Duration(each));
      expect_it_returns(std::chrono::sys_time<Duration>(Duration(each)));
    }
  }
  // Whatever is read is written and read again as the same.
  for (int i = 0; i < 2000; ++i) {
    const auto text = mamey::format_duration(mamey::ticks(static_cast<std::int64_t>(random() >> random() % 64)));
    if (const auto value = read<Duration>(text)) {
      EXPECT_EQ(read<Duration>(written(*value)), *value) << text;
    }
    const auto days = std::uniform_int_distribution<std::int64_t>(-719'162, 2'932'896)(random);
    const auto tick = std::uniform_int_distribution<std::int64_t>(0, 864'000'000'000)(random) * static_cast<std::int64_t>(random() % 2);
    const auto time = mamey::format_timestamp(std::chrono::sys_days(std::chrono::days(days)) + mamey::ticks(tick));
    if (const auto value = read<std::chrono::sys_time<Duration>>(time)) {
      EXPECT_EQ(read<std::chrono::sys_time<Duration>>(written(*value)), *value) << time;
    }
  }
}

TEST(time, what_is_written_is_read_again_as_it_was_in_every_unit) {
  std::mt19937_64 random(20'260'131);
  check_unit<mamey::ticks>(random);
  check_unit<std::chrono::microseconds>(random);
  check_unit<std::chrono::milliseconds>(random);
  check_unit<std::chrono::seconds>(random);
  check_unit<std::chrono::minutes>(random);
  check_unit<std::chrono::hours>(random);
  check_unit<std::chrono::years>(random);
  check_unit<std::chrono::duration<std::int32_t>>(random);
  check_unit<std::chrono::duration<std::int16_t, std::milli>>(random);
  check_unit<std::chrono::duration<std::int64_t, std::ratio<1, 3>>>(random);
}

TEST(time, what_is_finer_than_a_tick_is_cut) {
  using std::chrono::nanoseconds;
  for (const std::int64_t count : {0L, 1L, 99L, 100L, 101L, -1L, -100L, -101L, 1'234'567'890'123'456'789L}) {
    const nanoseconds cut{std::chrono::duration_cast<mamey::ticks>(nanoseconds(count))};
    EXPECT_EQ(read<nanoseconds>(written(nanoseconds(count))), cut) << count;
    EXPECT_EQ(read<std::chrono::sys_time<nanoseconds>>(written(std::chrono::sys_time<nanoseconds>(nanoseconds(count)))),
              std::chrono::sys_time<nanoseconds>(cut))
        << count;
  }
}

TEST(time, dotnets_never_is_the_longest_of_a_type_that_cannot_hold_it) {
  constexpr std::string_view never = "10675199.02:48:05.4775807", ever = "-10675199.02:48:05.4775808";
  EXPECT_EQ(read<std::chrono::milliseconds>(never), std::chrono::milliseconds::max());
  EXPECT_EQ(read<std::chrono::nanoseconds>(never), std::chrono::nanoseconds::max());
  EXPECT_EQ(read<std::chrono::nanoseconds>(ever), std::chrono::nanoseconds::min());
  EXPECT_EQ(written(std::chrono::seconds::max()), never);
  EXPECT_EQ(written(std::chrono::nanoseconds::min()), ever);
  EXPECT_EQ(written(mamey::ticks::max()), never);

  using system_time = std::chrono::sys_time<std::chrono::nanoseconds>;
  EXPECT_EQ(read<system_time>("9999-12-31T23:59:59.9999999Z"), system_time::max());
  EXPECT_EQ(written(system_time::max()), "9999-12-31T23:59:59.9999999Z");
  EXPECT_EQ(read<system_time>("0001-01-01T00:00:00Z"), system_time::min());
  EXPECT_EQ(written(mamey::timestamp::max()), "refused");
}

TEST(time, a_duration_refuses_what_it_cannot_hold) {
  EXPECT_EQ(read<std::chrono::nanoseconds>("10675199"), std::nullopt);
  EXPECT_EQ(read<std::chrono::nanoseconds>("106752.00:00:00"), std::nullopt);
  EXPECT_EQ(read<std::chrono::nanoseconds>("106751.00:00:00"), std::chrono::days(106'751));
  using system_time = std::chrono::sys_time<std::chrono::nanoseconds>;
  EXPECT_EQ(read<system_time>("2262-04-12T00:00:00Z"), std::nullopt);
  EXPECT_EQ(read<system_time>("9999-12-31T00:00:00Z"), std::nullopt);
  EXPECT_EQ(read<std::chrono::milliseconds>("00:00:00.0009999"), std::nullopt);
  EXPECT_EQ((read<std::chrono::duration<std::int16_t>>("10:00:00")), std::nullopt);
}

TEST(time, a_time_beyond_the_calendar_is_refused_when_written_and_shown_in_logs) {
  using std::chrono::sys_days;
  EXPECT_EQ(written(sys_days(std::chrono::year(10'000) / 1 / 1)), "refused");
  EXPECT_EQ(written(sys_days(std::chrono::year(0) / 12 / 31)), "refused");
  EXPECT_EQ(mamey::format_timestamp(sys_days(std::chrono::year(10'000) / 1 / 1)), "+10000-01-01T00:00:00Z");
  EXPECT_EQ(mamey::format_timestamp(sys_days(std::chrono::year(-1) / 1 / 1)), "-0001-01-01T00:00:00Z");
  for (const auto year : {-40'000, 40'000}) {
    std::string shown;
    mamey::text_codec<sys_days>::to_text(shown, sys_days(std::chrono::days(year * 365)));
    EXPECT_FALSE(read<sys_days>(shown)) << shown;
  }
  const mamey::text_argument arguments[] = {std::chrono::sys_seconds::max(), std::chrono::seconds::max() - 1s, mamey::timestamp::min()};
  EXPECT_FALSE(mamey::format_text("{a} {b} {c}", arguments).empty());
}

TEST(time, a_time_with_an_offset_keeps_it_and_compares_by_its_instant) {
  const auto summer = mamey::parse_offset_timestamp("2026-07-31T14:00:00.5+02:00");
  const auto utc = mamey::parse_offset_timestamp("2026-07-31T12:00:00.5");
  ASSERT_TRUE(summer && utc);
  EXPECT_EQ(*summer, *utc);
  EXPECT_LT(*summer, *mamey::parse_offset_timestamp("2026-07-31T11:00:01-01:00"));
  EXPECT_EQ(mamey::format_offset_timestamp(*summer), "2026-07-31T14:00:00.5+02:00");
  EXPECT_EQ(mamey::format_offset_timestamp(*utc), "2026-07-31T12:00:00.5+00:00");
  for (const auto text :
       {"2026-11-30T08:05:03.5-05:30", "2026-11-30T08:05:03+14:00", "0001-01-01T00:00:00+00:00", "2026-01-01T00:00:00-00:01"}) {
    EXPECT_EQ(written(read<mamey::offset_timestamp>(text).value()), text);
  }
  EXPECT_EQ(read<mamey::offset_timestamp>("0001-01-01T00:00:00+02:00"), std::nullopt);
  EXPECT_EQ(read<mamey::offset_timestamp>("2026-11-30T08:05:03+15:00"), std::nullopt);
  EXPECT_EQ(written(mamey::offset_timestamp{.offset = 15h}), "refused");
  const auto last = mamey::parse_timestamp("9999-12-31T23:59:59Z").value();
  EXPECT_EQ(written(mamey::offset_timestamp{last, 1min}), "refused");
  EXPECT_EQ(written(mamey::offset_timestamp{last, -1min}), "9999-12-31T23:58:59-00:01");
}

TEST(time, microseconds_of_others_stay_within_the_calendar) {
  EXPECT_EQ(mamey::unix_microseconds(mamey::timestamp(mamey::ticks(19))), 1);
  EXPECT_EQ(mamey::unix_microseconds(mamey::timestamp(mamey::ticks(-1))), -1);
  for (const std::int64_t number : {0L, 1L, -1L, 1'700'000'000'123'456L}) {
    EXPECT_EQ(mamey::unix_microseconds(mamey::from_unix_microseconds(number)), number);
  }
  using limits = std::numeric_limits<std::int64_t>;
  EXPECT_EQ(written(mamey::from_unix_microseconds(limits::max())), "9999-12-31T23:59:59.9999999Z");
  EXPECT_EQ(written(mamey::from_unix_microseconds(limits::min())), "0001-01-01T00:00:00Z");
}

TEST(time, sums_and_conversions_end_at_what_can_be_held) {
  using std::chrono::steady_clock;
  const steady_clock::time_point start{std::chrono::hours(1)};
  EXPECT_EQ(mamey::saturating_add(start, 5s), start + 5s);
  EXPECT_EQ(mamey::saturating_add(start, -5s), start - 5s);
  EXPECT_EQ(mamey::saturating_add(start, std::chrono::hours(24 * 200'000)), steady_clock::time_point::max());
  EXPECT_EQ(mamey::saturating_add(start, std::chrono::milliseconds::max()), steady_clock::time_point::max());
  EXPECT_EQ(mamey::saturating_add(-std::chrono::hours(1) + (start - 1h), std::chrono::seconds::min()), steady_clock::time_point::min());
  EXPECT_EQ(mamey::saturating_cast<std::chrono::nanoseconds>(std::chrono::seconds::max()), std::chrono::nanoseconds::max());
  EXPECT_EQ(mamey::saturating_cast<std::chrono::nanoseconds>(std::chrono::seconds::min()), std::chrono::nanoseconds::min());
  EXPECT_EQ(mamey::saturating_cast<std::chrono::seconds>(1500ms), 1s);
}

TEST(time, now_is_in_whole_microseconds) { EXPECT_EQ(mamey::now_utc().time_since_epoch().count() % 10, 0); }

TEST(time, a_coarse_duration_refuses_what_it_cannot_hold) {
  std::chrono::seconds wait{7};
  EXPECT_FALSE(mamey::text_codec<std::chrono::seconds>::from_text(wait, "00:00:01.5"));
  EXPECT_EQ(wait, 7s);
  EXPECT_TRUE(mamey::text_codec<std::chrono::seconds>::from_text(wait, "00:00:02"));
  EXPECT_EQ(wait, 2s);
}

TEST(time, a_date_is_a_day) {
  std::chrono::sys_days day;
  EXPECT_TRUE(mamey::text_codec<std::chrono::sys_days>::from_text(day, "2026-01-31"));
  std::string text;
  mamey::text_codec<std::chrono::sys_days>::to_text(text, day);
  EXPECT_EQ(text, "2026-01-31");
  EXPECT_FALSE(mamey::text_codec<std::chrono::sys_days>::from_text(day, "2026-01-31T00:00:00Z"));
}

TEST(time, times_fill_the_holes_of_templates) {
  const mamey::timestamp at = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 12h;
  const mamey::text_argument arguments[] = {at, 90s};
  EXPECT_EQ(mamey::format_text("at {at} for {time}", arguments), "at 2026-01-31T12:00:00Z for 00:01:30");
}

}  // namespace
