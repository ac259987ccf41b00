#pragma once

/// @file
/// For providers.
/// For stores with SQL: how the row of a recurring job is written and refused, the same for every store.

#include <chrono>
#include <cstdint>

#include <mamey/core/error.hpp>
#include <mamey/messaging/job_store.hpp>

namespace mamey::inline v1 {

inline std::int64_t unix_milliseconds(wall_time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline wall_time from_unix_milliseconds(std::int64_t count) { return wall_time(std::chrono::milliseconds(count)); }

[[noreturn]] inline void throw_job_changed(const job_row& row) {
  throw concurrency_conflict("concurrency_conflict", "job {job} was changed meanwhile: version {version} was expected", row.name,
                             row.version);
}

}  // namespace mamey::inline v1
