#pragma once

/// @file
/// For providers and the framework: the role of a store that keeps recurring jobs.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// A recurring job. All instances of an application share its row and agree by its version.
struct job_row {
  std::string name;
  std::string schedule;  ///< text of scheduling/schedule.hpp; a store does not read it
  bool enabled = true;
  wall_time next{};               ///< when it is due; whole milliseconds
  std::optional<wall_time> last;  ///< the occurrence that was started last
  std::int64_t runs = 0;          ///< occurrences that were started
  std::int64_t missed = 0;        ///< occurrences that were not
  std::int64_t version = 0;       ///< counts changes; 0: there is no row
};

struct job_list {
  wall_time now;  ///< the store's clock, which decides whether a job is due
  std::vector<job_row> rows;
};

/// The recurring jobs of one module. A commit writes rows (`change_set::jobs`). Times, suspension and errors: see store.hpp.
class job_store {
 public:
  virtual ~job_store() = default;
  /// All rows, by name.
  virtual job_list list_jobs() = 0;
};

}  // namespace mamey::inline v1
