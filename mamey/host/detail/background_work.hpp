#pragma once

/// @file
/// Work in the background of one application, with what an operator sees of it.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mamey/feature/environment.hpp>
#include <mamey/host/doors.hpp>
#include <mamey/observability/metrics.hpp>
#include <mamey/runtime/supervisor.hpp>

namespace mamey::inline v1 {

class background_work {
 public:
  /// What is given outlives the object.
  background_work(const std::vector<named_door<feature_doors::work>>& works, const environment& around) : works_(works), around_(around) {}

  /// Starts each on a worker loop, spread over them; adds probes and metrics.
  void start();
  /// Cancels all and waits until they have ended, for at most `grace` together. The names of those that have not, for which nothing they
  /// use may go away.
  std::vector<std::string> stop(std::chrono::nanoseconds grace);

 private:
  struct job {
    const std::string* name;
    std::unique_ptr<supervisor> runs;
    supervised_status status() const { return runs->status().front(); }
  };
  void show();

  const std::vector<named_door<feature_doors::work>>& works_;
  const environment& around_;
  std::vector<job> jobs_;
  std::vector<metrics::registration> shown_;
};

}  // namespace mamey::inline v1
