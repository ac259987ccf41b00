#pragma once

/// @file
/// Points in time and durations, with the text forms that .NET services exchange.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <mamey/core/text_codec.hpp>

namespace mamey::inline v1 {

/// UTC, in microseconds: what databases store, and wide enough for .NET's extreme dates.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The current time, by the system clock.
timestamp now_utc();

/// ISO 8601: `2026-01-31T12:00:00.25Z`, with an offset (`+02:00`), without one (then UTC), without seconds, or a date alone. Up to 16
/// places of the second are read and those beyond a microsecond dropped.
std::optional<timestamp> parse_timestamp(std::string_view text) noexcept;

/// `2026-01-31T12:00:00.25Z`: as many places of the second as it takes.
std::string format_timestamp(timestamp value);

/// A day, `2026-01-31`.
std::optional<std::chrono::sys_days> parse_date(std::string_view text) noexcept;

/// A duration as .NET's TimeSpan reads it: `00:00:30`, `1.06:00:00.5`, `-00:01`. As there, a bare number means days, and of three parts
/// the first means days when it is above 23: `24:00:00` is 24 days. Places beyond a microsecond are dropped.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text) noexcept;

/// .NET's form "c": `[-][d.]hh:mm:ss[.fffffff]`.
std::string format_duration(std::chrono::microseconds value);

namespace detail {
/// Converts when nothing is lost; false otherwise.
template <class To, class From>
bool convert_exactly(const From& from, To& to) {
  using std::chrono::duration_cast;
  const auto converted = duration_cast<To>(from);
  if (duration_cast<From>(converted) != from) return false;
  to = converted;
  return true;
}
}  // namespace detail

/// Any std::chrono duration with an integer count; a text finer than its period is malformed.
template <class Representation, class Period>
struct text_codec<std::chrono::duration<Representation, Period>> {
  using duration = std::chrono::duration<Representation, Period>;
  static void to_text(std::string& out, const duration& value) {
    out += format_duration(std::chrono::duration_cast<std::chrono::microseconds>(value));
  }
  static bool from_text(duration& value, std::string_view text) {
    const auto parsed = parse_duration(text);
    return parsed && detail::convert_exactly(*parsed, value);
  }
  static constexpr std::string_view format = "duration";
  static constexpr std::string_view expected = "a duration (hh:mm:ss or d.hh:mm:ss)";
};

/// Any point in time of the system clock; a text finer than its period is malformed.
template <class Duration>
struct text_codec<std::chrono::sys_time<Duration>> {
  using point = std::chrono::sys_time<Duration>;
  static void to_text(std::string& out, const point& value) {
    out += format_timestamp(std::chrono::time_point_cast<std::chrono::microseconds>(value));
  }
  static bool from_text(point& value, std::string_view text) {
    const auto parsed = parse_timestamp(text);
    Duration since_epoch;
    if (!parsed || !detail::convert_exactly(parsed->time_since_epoch(), since_epoch)) return false;
    value = point(since_epoch);
    return true;
  }
  static constexpr std::string_view format = "date-time";
  static constexpr std::string_view expected = "a date and time (2026-01-31T12:00:00Z)";
};

template <>
struct text_codec<std::chrono::sys_days> {
  static void to_text(std::string& out, const std::chrono::sys_days& value);
  static bool from_text(std::chrono::sys_days& value, std::string_view text);
  static constexpr std::string_view format = "date";
  static constexpr std::string_view expected = "a date (2026-01-31)";
};

}  // namespace mamey::inline v1
