#pragma once

/// @file
/// PostgreSQL's own load generator as the competitor, and what measuring in turns needs.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/postgres_server.hpp"

namespace bench {

inline double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A private server with PostgreSQL's own defaults where the tests' differ, `synchronous_commit` among them: on.
std::vector<std::string> server_settings();

struct pgbench_run {
  std::string script;                  ///< as pgbench reads it
  std::string schema;                  ///< search path
  std::vector<std::string> variables;  ///< `name=value`
  int connections = 1;
  int seconds = 3;
};

/// Transactions a second, prepared, over the same loopback as ours. Throws what pgbench complains about.
double transactions_per_second(const mamey::testing::postgres_server& server, const pgbench_run& run);

/// The two in turns, so that what else the machine does meets both; the ratio is the median of the rounds' ratios.
struct comparison {
  std::vector<double> ours, theirs;
  double ratio() const;
  double lowest() const;
  double highest() const;
};
comparison in_turns(int rounds, const std::function<double()>& ours, const std::function<double()>& theirs);
double median(std::vector<double> values);

/// `what  ours 1234/s  pgbench 1000/s  ratio 1.23 (1.20 to 1.30)`, with the goal when there is one.
void print(const std::string& what, const std::string& competitor, const comparison& measured, double goal = 0);

}  // namespace bench
