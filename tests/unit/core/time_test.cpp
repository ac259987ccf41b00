#include <mamey/core/time.hpp>

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
  EXPECT_EQ(again("2026-01-31T12:00:00.1234567Z"), "2026-01-31T12:00:00.123456Z");
  EXPECT_EQ(again("2026-01-31T12:00:00.123456789Z"), "2026-01-31T12:00:00.123456Z");
  EXPECT_EQ(again("2024-02-29T00:00:00Z"), "2024-02-29T00:00:00Z");
}

TEST(time, dotnets_extreme_dates_survive) {
  EXPECT_EQ(again("0001-01-01T00:00:00"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(again("9999-12-31T23:59:59.9999999"), "9999-12-31T23:59:59.999999Z");
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
  EXPECT_EQ(read("00:00:00.0000001"), 0s);
  EXPECT_EQ(read("-00:01:00"), -1min);
  EXPECT_EQ(read(" 00:01:00 "), 1min);
  EXPECT_EQ(read("1:2:3:4.5"), 24h + 2h + 3min + 4500ms);
  EXPECT_EQ(read("5"), 5 * 24h);          // a bare number is days
  EXPECT_EQ(read("24:00:00"), 24 * 24h);  // hours end at 23
  EXPECT_EQ(read("23:59:59"), 24h - 1s);
}

TEST(time, what_is_no_duration_is_refused) {
  for (const auto text : {"", "-", "x", "30s", "00:60", "24:00", "1.24:00", "00:00:60", "1.5", "1.", "00:00:", "00:00:00.",
                          "00:00:00.12345678", "1:2:3:4:5", "1.2:3:4:5", "99999999", "24:00:00.5", "--1"}) {
    EXPECT_EQ(mamey::parse_duration(text), std::nullopt) << text;
  }
}

TEST(time, durations_are_written_in_dotnets_constant_form) {
  EXPECT_EQ(mamey::format_duration(30s), "00:00:30");
  EXPECT_EQ(mamey::format_duration(25h + 1min), "1.01:01:00");
  EXPECT_EQ(mamey::format_duration(-500ms), "-00:00:00.5000000");
  EXPECT_EQ(mamey::parse_duration(mamey::format_duration(-(30h + 1us))), -(30h + 1us));
}

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
