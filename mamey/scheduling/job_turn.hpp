#pragma once

/// @file
/// For the framework: what becomes of a job at a given time. Pure.

#include <chrono>
#include <cstdint>
#include <optional>

#include <mamey/scheduling/job.hpp>
#include <mamey/scheduling/schedule.hpp>

namespace mamey::inline v1 {

struct job_turn {
  std::optional<std::chrono::sys_seconds> due;  ///< the occurrence to start now; empty: none
  std::int64_t missed = 0;                      ///< occurrences up to now that do not run; at most `most_missed`
  std::chrono::sys_seconds next{};              ///< the occurrence after now

  static constexpr std::int64_t most_missed = 1'000'000;  ///< further ones are not counted
};

/// What a schedule's time is when it has no further occurrence.
inline constexpr auto never = std::chrono::sys_seconds(std::chrono::sys_days(std::chrono::year(9990) / 1 / 1));

/// `next`: the occurrence that the row waits for, at most `now`.
job_turn turn_of(const schedule& when, missed_runs policy, std::chrono::seconds tolerance, std::chrono::sys_seconds next,
                 std::chrono::sys_seconds now);

}  // namespace mamey::inline v1
