#include "pgbench.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bench {

namespace {

/// Debian keeps it beside the server, off the PATH.
std::string program() {
  std::string newest;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const auto path = version.path() / "bin" / "pgbench";
    if (std::filesystem::exists(path)) newest = std::max(newest, path.string());
  }
  return newest.empty() ? "pgbench" : newest;
}

std::string quoted(const std::string& text) {
  std::string made = "'";
  for (const char c : text) made += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return made + "'";
}

}  // namespace

std::vector<std::string> server_settings() {
  return {"-c", "shared_buffers=128MB", "-c", "deadlock_timeout=1s", "-c", "ssl=off", "-c", "max_wal_size=4GB"};
}

double transactions_per_second(const mamey::testing::postgres_server& server, const pgbench_run& run) {
  const mamey::testing::temporary_directory folder;
  std::ofstream(folder.file("script.sql")) << run.script;
  auto command = "PGSSLMODE=disable PGOPTIONS=" + quoted("-c search_path=" + run.schema + ",public") + " " + program() +
                 " -n -M prepared -h 127.0.0.1 -U mamey -p " + std::to_string(server.port()) + " -c " + std::to_string(run.connections) +
                 " -T " + std::to_string(run.seconds) + " -f " + folder.file("script.sql");
  for (const auto& each : run.variables) command += " -D " + quoted(each);
  FILE* const pipe = ::popen((command + " postgres 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("pgbench cannot be run");
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), count);
  const auto at = text.find("tps = ");
  if (::pclose(pipe) != 0 || at == std::string::npos) throw std::runtime_error("pgbench failed: " + text);
  return std::stod(text.substr(at + 6));
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.at(values.size() / 2);
}

namespace {

std::vector<double> ratios(const comparison& of) {
  std::vector<double> all;
  for (std::size_t i = 0; i < of.ours.size(); ++i) all.push_back(of.ours[i] / of.theirs[i]);
  return all;
}

}  // namespace

double comparison::ratio() const { return median(ratios(*this)); }
double comparison::lowest() const { return std::ranges::min(ratios(*this)); }
double comparison::highest() const { return std::ranges::max(ratios(*this)); }

comparison in_turns(int rounds, const std::function<double()>& ours, const std::function<double()>& theirs) {
  comparison measured;
  for (int round = 0; round < rounds; ++round) {
    measured.ours.push_back(ours());
    measured.theirs.push_back(theirs());
  }
  return measured;
}

void print(const std::string& what, const std::string& competitor, const comparison& measured, double goal) {
  std::printf("%s: mamey %.0f/s, %s %.0f/s, ratio %.2f (%.2f to %.2f)", what.c_str(), median(measured.ours), competitor.c_str(),
              median(measured.theirs), measured.ratio(), measured.lowest(), measured.highest());
  if (goal > 0) std::printf("   goal >= %.2f: %s", goal, measured.ratio() >= goal ? "met" : "MISSED");
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace bench
