#pragma once

/// @file
/// Who used the processor: this process, and the servers that it started, by their programs' names. A rate on a shared machine says less.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace bench {

/// Seconds of CPU, children that have ended included.
struct cpu_use {
  double self = 0, ended_children = 0;
  std::map<std::string, double> programs;  ///< of descendants that live

  static cpu_use now() {
    cpu_use read;
    read.self = seconds_of(RUSAGE_SELF);
    read.ended_children = seconds_of(RUSAGE_CHILDREN);
    for (const auto& each : descendants()) read.programs[each.program] += each.seconds;
    return read;
  }
  double of(const std::string& program, const cpu_use& before) const {
    const auto value = [&](const cpu_use& in) { return in.programs.contains(program) ? in.programs.at(program) : 0; };
    return value(*this) - value(before);
  }

 private:
  struct process {
    std::string program;
    pid_t parent = 0;
    double seconds = 0;
  };

  static double seconds_of(int who) {
    ::rusage used{};
    ::getrusage(who, &used);
    const auto seconds = [](const ::timeval& span) { return static_cast<double>(span.tv_sec) + static_cast<double>(span.tv_usec) * 1e-6; };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  }

  static std::vector<process> descendants() {
    std::map<pid_t, process> all;
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
      const auto name = each.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file(each.path() / "stat");
      std::string line;
      std::getline(file, line);
      const auto open = line.find('('), close = line.rfind(')');
      int parent = 0;
      unsigned long long user = 0, system = 0;
      long long user_ended = 0, system_ended = 0;
      if (close == std::string::npos ||
          std::sscanf(line.c_str() + close + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld", &parent, &user, &system,
                      &user_ended, &system_ended) != 5)
        continue;
      const auto ticks = static_cast<double>(user + system) + static_cast<double>(user_ended + system_ended);
      all[std::stoi(name)] = {line.substr(open + 1, close - open - 1), parent, ticks / static_cast<double>(::sysconf(_SC_CLK_TCK))};
    }
    std::vector<process> found;
    for (const auto& [number, each] : all) {
      auto above = each.parent;
      while (above > 1 && above != ::getpid()) above = all.contains(above) ? all.at(above).parent : 0;
      if (above == ::getpid()) found.push_back(each);
    }
    return found;
  }
};

}  // namespace bench
