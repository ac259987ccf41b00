#pragma once

/// @file
/// For the framework: section `jobs`, with one section per job. It changes what the code declares.

#include <chrono>
#include <optional>
#include <string>

#include <mamey/scheduling/job.hpp>

namespace mamey::inline v1 {

/// Section `jobs:NAME`. It changes what the code declares; NAME is the name of the job.
struct job_settings {
  bool enabled = true;            ///< false: the job does not run; the occurrences meanwhile are neither run later nor counted as missed
  std::string cron;               ///< cron expression in place of the declared schedule
  std::string zone;               ///< time zone of the cron expression, `Europe/Berlin`; empty: the declared one
  std::chrono::seconds every{0};  ///< interval in place of the declared schedule; 0: the declared one
  std::optional<missed_runs> missed;  ///< what happens to occurrences that passed while no instance ran; nothing: as declared
};

}  // namespace mamey::inline v1
