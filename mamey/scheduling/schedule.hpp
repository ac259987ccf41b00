#pragma once

/// @file
/// For the framework.
/// When a recurring job is due: a cron expression in a time zone, or an interval.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Immutable and thread-safe; copies share.
class schedule {
 public:
  static constexpr std::chrono::seconds shortest_interval{1};
  static constexpr std::chrono::seconds longest_interval{std::chrono::hours(24 * 366)};

  /// Local times of `expression` in the zone `zone`. Where clocks go forward, what falls into the gap is due once, at the first instant
  /// after it. Where clocks go back, a time that comes twice is due the first time only. Throws `internal_error` (`invalid_schedule`) with a
  /// sentence when one of them is malformed.
  static schedule cron(std::string_view expression, std::string_view zone);
  /// Every multiple of `interval` since 1970-01-01T00:00:00Z, so that all instances agree. Throws likewise for an interval beyond its limits.
  static schedule every(std::chrono::seconds interval);
  /// What `text` has written. Throws likewise.
  static schedule parse(std::string_view text);

  /// `cron 0 2 * * * in Europe/Berlin`, `every 00:05:00`.
  const std::string& text() const noexcept;
  /// The first time after `after` at which it is due. Empty when there is none in the calendar's years.
  std::optional<std::chrono::sys_seconds> next_after(std::chrono::sys_seconds after) const;

 private:
  struct rule;
  explicit schedule(std::shared_ptr<const rule> made) : rule_(std::move(made)) {}
  std::shared_ptr<const rule> rule_;
};

}  // namespace mamey::inline v1
