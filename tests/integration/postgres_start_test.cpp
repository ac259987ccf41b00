// A service that is started before its database, beside it, or against one that does not want it.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/postgres_server.hpp"

namespace mamey::testing {
namespace {

using namespace std::chrono_literals;

/// The program beside this one, in a folder of its own.
class service_process {
 public:
  explicit service_process(const std::string& connection_string, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{std::filesystem::read_symlink("/proc/self/exe").parent_path() / "postgres_service", "--urls",
                                       "http://127.0.0.1:0", "--postgres:connectionString=" + connection_string};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> raw;
    for (auto& each : arguments) raw.push_back(each.data());
    raw.push_back(nullptr);
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      if (chdir(folder_.path().c_str()) != 0) _exit(126);
      execv(raw[0], raw.data());
      _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
  }
  ~service_process() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(output_);
  }
  service_process(const service_process&) = delete;
  service_process& operator=(const service_process&) = delete;

  /// Whether it said so before it ended, within a minute.
  bool says(const std::string& what) {
    while (said_.find(what) == std::string::npos) {
      if (!read_more()) return false;
    }
    return true;
  }
  void signal(int number) const { kill(child_, number); }
  int exit_code() {
    while (read_more()) {}
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& said() const { return said_; }

 private:
  bool read_more() {
    pollfd waiting{.fd = output_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 60'000) <= 0) return false;
    std::array<char, 4096> buffer{};
    const auto count = read(output_, buffer.data(), buffer.size());
    if (count > 0) said_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  const temporary_directory folder_;
  pid_t child_ = -1;
  int output_ = -1;
  std::string said_;
};

}  // namespace

TEST(postgres_start, a_service_waits_for_a_database_that_is_started_behind_it) {
  postgres_server server;
  server.stop(SIGINT);
  service_process service(server.connection_string());
  EXPECT_TRUE(service.says("waiting for the database: cannot connect to mamey@127.0.0.1:" + std::to_string(server.port()) + "/postgres"))
      << service.said();
  server.start();
  EXPECT_TRUE(service.says("late listens on")) << service.said();
  service.signal(SIGTERM);
  EXPECT_EQ(service.exit_code(), 0) << service.said();
}

TEST(postgres_start, a_signal_ends_the_wait) {
  for (const int number : {SIGTERM, SIGINT}) {
    service_process service("Host=127.0.0.1;Port=1;Username=mamey;Database=postgres", {"--postgres:startTimeout=1.00:00:00"});
    EXPECT_TRUE(service.says("waiting for the database")) << service.said();
    service.signal(number);
    EXPECT_EQ(service.exit_code(), 0) << service.said();
  }
}

TEST(postgres_start, the_wait_is_bounded_and_may_be_none) {
  for (const auto* bound : {"00:00:01", "0"}) {
    service_process service("Host=127.0.0.1;Port=1;Username=mamey;Database=postgres", {std::string("--postgres:startTimeout=") + bound});
    EXPECT_EQ(service.exit_code(), 1) << service.said();
    EXPECT_NE(service.said().find("cannot connect to mamey@127.0.0.1:1/postgres"), std::string::npos) << service.said();
  }
}

TEST(postgres_start, a_database_that_does_not_want_the_service_is_not_waited_for) {
  postgres_server server;
  server.execute("create role guest login password 'right'");
  const auto rules = server.execute("show hba_file")[0][0];
  server.execute(
      "copy (select 'local all all trust' union all select 'host all guest 127.0.0.1/32 scram-sha-256' union all select 'host all mamey "
      "127.0.0.1/32 trust') to '" +
      rules + "'");
  server.execute("select pg_reload_conf()");
  const auto at = "Host=127.0.0.1;Port=" + std::to_string(server.port()) + ";";
  const std::vector<std::pair<std::string, std::string>> refusals{
      {"Database=postgres;Username=guest;Password=wr0ng;SSL Mode=Disable", "password authentication failed for user \"guest\""},
      {"Database=nowhere;Username=mamey;SSL Mode=Disable", "database \"nowhere\" does not exist"},
      {"Database=postgres;Username=nobody;SSL Mode=Disable", "no pg_hba.conf entry"},
      {"Database=postgres;Username=mamey;SSL Mode=VerifyFull;Root Certificate=" + server.authority_file(), "does not match host name"},
      {"Database=postgres;Username=mamey;SSL Mode=VerifyCA;Root Certificate=/nowhere.crt", "/nowhere.crt"}};
  for (const auto& [how, cause] : refusals) {
    service_process service(at + how, {"--postgres:startTimeout=1.00:00:00"});
    EXPECT_EQ(service.exit_code(), 1) << service.said();
    EXPECT_NE(service.said().find(cause), std::string::npos) << service.said();
    EXPECT_EQ(service.said().find("waiting for"), std::string::npos) << service.said();
    EXPECT_EQ(service.said().find("wr0ng"), std::string::npos) << service.said();
    EXPECT_EQ(service.said().find("LOCATION"), std::string::npos) << service.said();
  }
}

}  // namespace mamey::testing
