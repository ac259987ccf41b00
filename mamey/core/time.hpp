#pragma once

/// @file
/// For services.
/// Points in time and durations, with the text forms that .NET services exchange.

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>

#include <mamey/core/text_codec.hpp>

namespace mamey::inline v1 {

/// .NET's unit of time: 100 nanoseconds.
using ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;

/// UTC, in ticks, as in .NET's DateTime. Texts have the years 1 to 9999; writing a value beyond is refused.
using timestamp = std::chrono::sys_time<ticks>;

/// The current time in whole microseconds, which every database keeps: the clock of the current event loop (virtual in tests), or the
/// system's outside one. Any thread.
timestamp now_utc() noexcept;
/// Sets the function behind `now_utc`. For the runtime, which returns the clock of the calling loop. Any thread.
void set_clock(timestamp (*clock)() noexcept) noexcept;

/// ISO 8601: `2026-01-31T12:00:00.25Z`, with an offset (`+02:00`, up to 14 hours), without one (then UTC), without seconds, or a date
/// alone. Up to 16 places of the second are read; places smaller than a tick are dropped. Empty when the instant is not in the years 1 to
/// 9999 of UTC.
std::optional<timestamp> parse_timestamp(std::string_view text) noexcept;

/// `2026-01-31T12:00:00.25Z`, with as many places of the second as needed. A year that `parse_timestamp` does not read has a sign:
/// `+10000-…`.
std::string format_timestamp(timestamp value);

/// Microseconds since 1970, as columns and headers carry times; smaller parts are cut.
std::int64_t unix_microseconds(timestamp value) noexcept;
/// The reverse. A number beyond the calendar, which another program wrote, becomes the calendar's first or last tick.
timestamp from_unix_microseconds(std::int64_t microseconds) noexcept;

/// `span` in another unit; the longest or shortest duration of that unit when the value does not fit.
template <class To, class Representation, class Period>
constexpr To saturating_cast(std::chrono::duration<Representation, Period> span) noexcept {
  using factor = std::ratio_divide<Period, typename To::period>;
  __extension__ using wide = __int128;
  const auto converted = static_cast<wide>(span.count()) * factor::num / factor::den;
  if (converted < static_cast<wide>(To::min().count())) return To::min();
  if (converted > static_cast<wide>(To::max().count())) return To::max();
  return To(static_cast<typename To::rep>(converted));
}

/// `when + span`, or the last point in time that the type can hold when the sum lies beyond it. For deadlines, whose span a caller chooses.
template <class Clock, class Duration, class Representation, class Period>
constexpr std::chrono::time_point<Clock, Duration> saturating_add(std::chrono::time_point<Clock, Duration> when,
                                                                  std::chrono::duration<Representation, Period> span) noexcept {
  const auto since_epoch = when.time_since_epoch(), added = saturating_cast<Duration>(span);
  if (added > Duration::zero() && since_epoch > Duration::max() - added) return decltype(when)::max();
  if (added < Duration::zero() && since_epoch < Duration::min() - added) return decltype(when)::min();
  return decltype(when)(since_epoch + added);
}

/// A day, `2026-01-31`.
std::optional<std::chrono::sys_days> parse_date(std::string_view text) noexcept;

/// A duration as .NET's TimeSpan reads it in a configuration file: `00:00:30`, `1.06:00:00.5`, `-00:01`. As there, a bare number means
/// days, and of three parts the first means days when it is above 23: `24:00:00` is 24 days (JSON refuses that one). Nothing when it is
/// longer than a TimeSpan, some 29 000 years.
std::optional<ticks> parse_duration(std::string_view text) noexcept;

/// .NET's form "c": `[-][d.]hh:mm:ss[.fffffff]`.
std::string format_duration(ticks value);

/// A point in time that remembers the offset from UTC it was written with, as .NET's DateTimeOffset does: `2026-01-31T14:00:00+02:00`.
/// Compares by its instant alone: two that are equal may differ in their offset. A column of a document table holds its instant.
struct offset_timestamp {
  timestamp instant{};
  std::chrono::minutes offset{0};  ///< east of UTC; from -14 to 14 hours, others are refused where they are written

  friend constexpr bool operator==(const offset_timestamp& left, const offset_timestamp& right) noexcept {
    return left.instant == right.instant;
  }
  friend constexpr std::strong_ordering operator<=>(const offset_timestamp& left, const offset_timestamp& right) noexcept {
    return left.instant.time_since_epoch().count() <=> right.instant.time_since_epoch().count();
  }
};

/// As `parse_timestamp` reads it; without an offset, 0.
std::optional<offset_timestamp> parse_offset_timestamp(std::string_view text) noexcept;
/// `2026-01-31T14:00:00+02:00`: the local time and always an offset.
std::string format_offset_timestamp(const offset_timestamp& value);

namespace detail {

/// The unit and the range of a std::chrono type.
struct time_unit {
  std::int64_t ticks_numerator = 1, ticks_denominator = 1;  ///< ticks that one count is
  std::int64_t lowest = 0, highest = 0;                     ///< counts that the type can hold
};

template <class T>
concept time_count = std::integral<T> && (std::signed_integral<T> || sizeof(T) < sizeof(std::int64_t));

template <class Duration>
constexpr time_unit make_time_unit() {
  using in_ticks = std::ratio_divide<typename Duration::period, ticks::period>;
  using limits = std::numeric_limits<typename Duration::rep>;
  return {in_ticks::num, in_ticks::den, static_cast<std::int64_t>(limits::min()), static_cast<std::int64_t>(limits::max())};
}
template <class Duration>
inline constexpr time_unit unit_of = make_time_unit<Duration>();

// A type that cannot hold the ends of .NET's range uses its own ends for them, so that "never" stays "never" in both directions. Parts
// smaller than a tick are cut when they are written. A text with parts smaller than the type's unit is refused when it is read.

std::optional<ticks> duration_ticks(std::int64_t count, const time_unit& unit) noexcept;
void append_duration(std::string& out, std::int64_t count, const time_unit& unit);
void append_duration_column(std::string& out, std::int64_t count, const time_unit& unit);
std::optional<std::int64_t> read_duration(std::string_view text, const time_unit& unit) noexcept;
std::optional<std::int64_t> read_duration_setting(std::string_view text, const time_unit& unit) noexcept;

std::optional<timestamp> time_ticks(std::int64_t count, const time_unit& unit) noexcept;
void append_time(std::string& out, std::int64_t count, const time_unit& unit);
void append_time_column(std::string& out, std::int64_t count, const time_unit& unit);
std::optional<std::int64_t> read_time(std::string_view text, const time_unit& unit) noexcept;

bool is_of_the_calendar(std::chrono::sys_days day) noexcept;

}  // namespace detail

/// Any std::chrono duration with an integer count. In a column that is searched it is `00000001.06:00:00.0000000`, of a fixed width, so
/// that texts sort as durations do; a negative one is `-` and its distance from the shortest. A text that is finer than its period, or
/// longer than it can hold, is refused; .NET's "never", `TimeSpan.MaxValue`, is read as the type's `max()` and `max()` is written so.
/// Likewise `min()`.
template <detail::time_count Representation, class Period>
struct text_codec<std::chrono::duration<Representation, Period>> {
  using duration = std::chrono::duration<Representation, Period>;
  static void to_text(std::string& out, const duration& value) { detail::append_duration(out, value.count(), detail::unit_of<duration>); }
  static bool from_text(duration& value, std::string_view text) {
    const auto count = detail::read_duration(text, detail::unit_of<duration>);
    if (count) value = duration(static_cast<Representation>(*count));
    return count.has_value();
  }
  static bool from_setting(duration& value, std::string_view text) {
    const auto count = detail::read_duration_setting(text, detail::unit_of<duration>);
    if (count) value = duration(static_cast<Representation>(*count));
    return count.has_value();
  }
  static void to_column(std::string& out, const duration& value) {
    detail::append_duration_column(out, value.count(), detail::unit_of<duration>);
  }
  static bool can_write(const duration& value) { return detail::duration_ticks(value.count(), detail::unit_of<duration>).has_value(); }
  static constexpr std::string_view format = "duration";
  static constexpr std::string_view expected = "a duration (hh:mm:ss or d.hh:mm:ss)";
};

/// Any point in time of the system clock with an integer count. In a column it has a fixed width, `2026-01-31T12:00:00.2500000Z`, so that
/// texts sort as times do. A text that is finer than its period, or beyond what it can hold, is refused; the ends of the calendar are read
/// as the type's `max()` and `min()` where it cannot hold them, and written so.
template <detail::time_count Representation, class Period>
struct text_codec<std::chrono::sys_time<std::chrono::duration<Representation, Period>>> {
  using duration = std::chrono::duration<Representation, Period>;
  using point = std::chrono::sys_time<duration>;
  static void to_text(std::string& out, const point& value) {
    detail::append_time(out, value.time_since_epoch().count(), detail::unit_of<duration>);
  }
  static bool from_text(point& value, std::string_view text) {
    const auto count = detail::read_time(text, detail::unit_of<duration>);
    if (count) value = point(duration(static_cast<Representation>(*count)));
    return count.has_value();
  }
  static void to_column(std::string& out, const point& value) {
    detail::append_time_column(out, value.time_since_epoch().count(), detail::unit_of<duration>);
  }
  static bool can_write(const point& value) {
    return detail::time_ticks(value.time_since_epoch().count(), detail::unit_of<duration>).has_value();
  }
  static constexpr std::string_view format = "date-time";
  static constexpr std::string_view expected = "a date and time (2026-01-31T12:00:00Z)";
};

template <>
struct text_codec<offset_timestamp> {
  static void to_text(std::string& out, const offset_timestamp& value);
  static bool from_text(offset_timestamp& value, std::string_view text);
  static void to_column(std::string& out, const offset_timestamp& value);
  static bool can_write(const offset_timestamp& value);
  static constexpr std::string_view format = "date-time";
  static constexpr std::string_view expected = "a date and time (2026-01-31T14:00:00+02:00)";
};

template <>
struct text_codec<std::chrono::sys_days> {
  static void to_text(std::string& out, const std::chrono::sys_days& value);
  static bool from_text(std::chrono::sys_days& value, std::string_view text);
  static bool can_write(const std::chrono::sys_days& value) { return detail::is_of_the_calendar(value); }
  static constexpr std::string_view format = "date";
  static constexpr std::string_view expected = "a date (2026-01-31)";
};

}  // namespace mamey::inline v1
