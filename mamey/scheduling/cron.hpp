#pragma once

/// @file
/// For the framework.
/// A cron expression: minutes of local time, without a time zone.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Local time that has no zone yet, in whole minutes.
using local_minute = std::chrono::local_time<std::chrono::minutes>;

/// Five fields: minute, hour, day of the month, month, day of the week. A field is `*`, a number, a name (`jan`, `mon`; in any case), a range
/// `1-5`, a step `*/15` or `8-18/2`, or a list of these. Sunday is 0 or 7. Where neither day field begins with `*`, a day matches when one of
/// the two does; otherwise both must match. Or one of `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
/// Immutable.
class cron_expression {
 public:
  /// Throws `internal_error` (`invalid_schedule`) with a sentence for everything else (`L`, `#`, seconds, a day that never comes).
  explicit cron_expression(std::string_view text);

  /// The first minute after `after` that matches. Empty when none comes within a century.
  std::optional<local_minute> next_after(local_minute after) const;
  bool matches(local_minute time) const;

 private:
  bool matches_day(std::chrono::local_days day) const;

  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  ///< bit n: the number n; weekdays 0 to 6
  bool either_day_ = false;                                         ///< a day matches by one of its two fields
};

}  // namespace mamey::inline v1
