#pragma once

/// @file
/// For the framework: starts the occurrences of recurring jobs. Any number of instances do so on one store; each occurrence is started by one.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/messaging/job_store.hpp>
#include <mamey/messaging/unit_store.hpp>
#include <mamey/scheduling/job.hpp>
#include <mamey/scheduling/schedule.hpp>

namespace mamey::inline v1 {

struct recurring_job {
  std::string name;
  schedule when;
  missed_runs missed = missed_runs::run_once;
  std::chrono::seconds tolerance{60};
  bool enabled = true;
  /// Adds the message of an occurrence to the changes of its unit of work. Must not suspend.
  std::function<void(const occurrence& due, change_set& changes)> record;
};

struct job_runner_settings {
  std::chrono::milliseconds longest_sleep{15'000};  ///< time between two looks at the store, whose clock or rows may have changed
  std::chrono::milliseconds spread{100};            ///< looks are up to this much later, at random, so that instances seldom collide
  std::uint32_t seed = 0;                           ///< of this random; 0: another one for each runner
};

struct job_statistics {
  std::string name;
  std::uint64_t runs = 0;    ///< occurrences that this instance started
  std::uint64_t missed = 0;  ///< occurrences that this instance found missed
  job_row row;               ///< as of the last look
};

/// Occurrences are started by a commit that advances the job's row and writes the message. A crash at any place therefore neither loses
/// nor doubles one: another instance, or the next start, finds the row as it was before or after.
class job_runner {
 public:
  /// Both roles are of one store; they outlive the runner.
  job_runner(unit_store& units, job_store& rows, std::vector<recurring_job> jobs, job_runner_settings settings = {});
  ~job_runner();
  job_runner(const job_runner&) = delete;
  job_runner& operator=(const job_runner&) = delete;

  /// Brings the rows in line with the declared jobs, then starts occurrences until it is cancelled. In a fiber. Throws what the store throws;
  /// may be called again.
  void run();

  std::vector<job_statistics> statistics() const;  ///< any thread; never suspends

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The id of the message of an occurrence: the same in every instance and after every crash.
std::string message_id_of(const occurrence& due);

}  // namespace mamey::inline v1
