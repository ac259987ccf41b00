#include <mamey/scheduling/metrics.hpp>

#include <string_view>

#include <mamey/core/time.hpp>
#include <mamey/scheduling/job_runner.hpp>

namespace mamey::inline v1 {

std::vector<metrics::registration> show_jobs(metrics::registry& in, const job_runner& runner) {
  using metrics::sample_kind;
  std::vector<metrics::registration> shown;
  const auto add = [&](sample_kind kind, std::string_view name, std::string_view help, auto read) {
    shown.push_back(in.collect(kind, name, help, {"job"}, [&runner, read](const metrics::sample_sink& sample) {
      for (const auto& each : runner.statistics()) read(each, [&](double value) { sample({each.name}, value); });
    }));
  };
  const auto seconds = [](wall_time time) { return static_cast<double>(unix_microseconds(time)) / 1e6; };
  add(sample_kind::counter, "mamey_job_runs_total", "Occurrences of recurring jobs that this instance started.",
      [](const job_statistics& job, auto sample) { sample(static_cast<double>(job.runs)); });
  add(sample_kind::counter, "mamey_job_missed_total", "Occurrences that this instance found missed: they passed while no instance ran.",
      [](const job_statistics& job, auto sample) { sample(static_cast<double>(job.missed)); });
  add(sample_kind::gauge, "mamey_job_next_timestamp_seconds", "When the job is due next; absent of one that is disabled.",
      [seconds](const job_statistics& job, auto sample) {
        if (job.row.version > 0 && job.row.enabled) sample(seconds(job.row.next));
      });
  add(sample_kind::gauge, "mamey_job_last_timestamp_seconds", "The occurrence that was started last, by any instance.",
      [seconds](const job_statistics& job, auto sample) {
        if (job.row.last) sample(seconds(*job.row.last));
      });
  return shown;
}

}  // namespace mamey::inline v1
