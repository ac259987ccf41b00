#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/resource.h>
#include <unistd.h>

#include <mamey/observability/logging.hpp>
#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1 {
namespace metrics {

namespace {

double number_of(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Field `number` of /proc/self/stat as proc(5) counts them, from 3 on: the second one, the name, may hold spaces and parentheses.
double stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::string_view rest = line;
  rest.remove_prefix(rest.rfind(')') + 1);
  for (int i = 3; i <= number && !rest.empty(); ++i) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  return number_of(rest);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The kernel tells it in ticks after its own start.
double start_time_seconds() {
  std::ifstream file("/proc/stat");
  double boot = 0;
  for (std::string word; file >> word;) {
    if (word == "btime") file >> boot;
  }
  return boot + stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<double>(std::distance(begin(entries), end(entries)) - 1);  // without the one that reads the directory
}

double max_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

struct process_registry {
  registry metrics;
  std::vector<registration> registrations;

  process_registry() {
    counter("process_cpu_seconds_total", "Processor time used, user and system.", cpu_seconds);
    gauge("process_resident_memory_bytes", "Memory held in RAM.",
          [] { return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); });
    gauge("process_virtual_memory_bytes", "Address space reserved.", [] { return stat_field(23); });
    gauge("process_threads", "Threads of the process.", [] { return stat_field(20); });
    gauge("process_open_fds", "Open file descriptors.", open_descriptors);
    gauge("process_max_fds", "Most file descriptors allowed.", max_descriptors);
    gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
          [start = start_time_seconds()] { return start; });
    counter("mamey_log_records_total", "Log records written.", [] { return static_cast<double>(logging::statistics().written); });
    counter("mamey_log_records_dropped_total", "Log records lost to a full queue.",
            [] { return static_cast<double>(logging::statistics().dropped); });
    counter("mamey_log_sink_failures_total", "Exceptions of log sinks.",
            [] { return static_cast<double>(logging::statistics().sink_failures); });
  }

  void counter(std::string_view name, std::string_view help, std::function<double()> function) {
    registrations.push_back(metrics.collect(sample_kind::counter, name, help, std::move(function)));
  }
  void gauge(std::string_view name, std::string_view help, std::function<double()> function) {
    registrations.push_back(metrics.collect(sample_kind::gauge, name, help, std::move(function)));
  }
};

}  // namespace

registry& process() {
  static auto* const instance = new process_registry;  // never destroyed: other statics count in their destructors
  return instance->metrics;
}

}  // namespace metrics
}  // namespace mamey::inline v1
