#include "postgres_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace mamey::testing {
namespace {

constexpr auto patience = std::chrono::minutes(5);  // the machine may be busy

/// Debian keeps the server's programs off the PATH, a folder a version.
std::string program(const std::string& name) {
  std::string newest;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
    const auto path = version.path() / "bin" / name;
    if (std::filesystem::exists(path)) newest = std::max(newest, path.string());
  }
  return newest.empty() ? name : newest;
}

/// The server refuses to run as root.
const passwd* other_user() {
  if (geteuid() != 0) return nullptr;
  const auto* const found = getpwnam("postgres");
  if (found == nullptr) throw std::runtime_error("PostgreSQL does not run as root, and there is no user postgres: run scripts/setup");
  return found;
}

pid_t spawn(const std::vector<std::string>& arguments, const std::string& log) {
  const auto* const user = other_user();
  const auto parent = getpid();
  const auto child = fork();
  if (child != 0) return child;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which clears it
  if (getppid() != parent) _exit(125);
  std::vector<char*> raw;
  for (const auto& each : arguments) raw.push_back(const_cast<char*>(each.c_str()));
  raw.push_back(nullptr);
  execvp(raw[0], raw.data());
  _exit(127);
}

void run(const std::vector<std::string>& arguments, const std::string& log) {
  int status = 0;
  if (waitpid(spawn(arguments, log), &status, 0) < 0 || status != 0) {
    std::ifstream text(log);
    throw std::runtime_error(arguments[0] +
                             " failed (is it installed? scripts/setup): " + std::string(std::istreambuf_iterator<char>(text), {}));
  }
}

std::uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(probe);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

void pause_briefly() { poll(nullptr, 0, 20); }

}  // namespace

postgres_server& postgres_server::shared() {
  static postgres_server one;
  return one;
}

postgres_server::postgres_server(std::vector<std::string> settings) : settings_(std::move(settings)) {
  if (const auto* const user = other_user(); user != nullptr && chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("the folder of the server cannot be handed over");
  const auto log = directory_.file("initdb.log");
  run({program("initdb"), "-D", directory_.file("data"), "-U", "mamey", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"}, log);
  make_certificates();
  start();
}

postgres_server::postgres_server(standby_of copied) {
  if (const auto* const user = other_user(); user != nullptr && chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("the folder of the server cannot be handed over");
  run({program("pg_basebackup"), "-h", "127.0.0.1", "-p", std::to_string(copied.primary.port()), "-U", "mamey", "-D",
       directory_.file("data"), "-X", "stream", "-c", "fast", "--no-sync"},
      directory_.file("basebackup.log"));
  make_certificates();
  start_as_standby_of(copied.primary);
}

void postgres_server::follow(const postgres_server& primary) const {
  std::ofstream(directory_.file("data") + "/standby.signal").close();
  std::ofstream settings(directory_.file("data") + "/postgresql.auto.conf");  // what `alter system` had set is gone, too
  settings << "primary_conninfo = 'host=127.0.0.1 port=" << primary.port() << " user=mamey'\n";
}

void postgres_server::start_as_standby_of(const postgres_server& primary) {
  follow(primary);
  start();
}

void postgres_server::promote() {
  execute("select pg_promote(true, 300)");
  const auto until = std::chrono::steady_clock::now() + patience;
  while (execute("select pg_is_in_recovery()").at(0).at(0) != "f") {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the standby was not promoted");
    pause_briefly();
  }
}

postgres_server::~postgres_server() { stop(SIGINT); }

void postgres_server::make_certificates() const {
  const auto log = directory_.file("openssl.log"), ca = directory_.file("ca"), server = directory_.file("server");
  const auto run_openssl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    run(arguments, log);
  };
  run_openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
               "/CN=mamey test authority", "-keyout", ca + ".key", "-out", ca + ".crt"});
  run_openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout",
               server + ".key", "-out", server + ".csr"});
  run_openssl({"x509", "-req", "-in", server + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-CAcreateserial", "-days", "30", "-out",
               server + ".crt"});
  std::ofstream(directory_.file("clients.crt"), std::ios::app) << std::ifstream(ca + ".crt").rdbuf();
}

void postgres_server::issue_certificate(const std::string& name, const std::string& file) const {
  const auto command = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name + " -keyout " + file +
                       ".key -out " + file + ".csr >" + file + ".log 2>&1 && openssl x509 -req -in " + file + ".csr -CA " +
                       directory_.file("ca.crt") + " -CAkey " + directory_.file("ca.key") + " -CAserial " + file +
                       ".srl -CAcreateserial -days 30 -out " + file + ".crt >>" + file + ".log 2>&1 && chmod 600 " + file + ".key";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl failed: see " + file + ".log");
}

void postgres_server::replace_authority() {
  make_certificates();
  execute("select pg_reload_conf()");
}

void postgres_server::start() {
  for (int tries = 0;; ++tries) {
    if (port_ == 0) port_ = free_port();
    std::vector<std::string> arguments{program("postgres"), "-D", directory_.file("data"), "-p", std::to_string(port_)};
    for (const auto& setting :
         {std::string("listen_addresses=127.0.0.1"), "unix_socket_directories=" + directory_.path(), std::string("ssl=on"),
          "ssl_cert_file=" + directory_.file("server.crt"), "ssl_key_file=" + directory_.file("server.key"),
          "ssl_ca_file=" + directory_.file("clients.crt"), std::string("max_connections=200"), std::string("deadlock_timeout=50ms"),
          std::string("shared_buffers=32MB"), std::string("recovery_init_sync_method=syncfs"), std::string("log_min_messages=fatal"),
          std::string("log_min_error_statement=panic")}) {
      arguments.insert(arguments.end(), {"-c", setting});
    }
    // The suite runs once more with a server that speaks another language: nothing is recognised by words.
    if (const char* const language = std::getenv("MAMEY_TEST_POSTGRES_MESSAGES"))
      arguments.insert(arguments.end(), {"-c", std::string("lc_messages=") + language});
    arguments.insert(arguments.end(), settings_.begin(), settings_.end());
    process_ = spawn(arguments, directory_.file("server.log"));
    try {
      return wait_until_ready();
    } catch (const std::runtime_error&) {
      if (tries == 2) throw;
      port_ = 0;  // somebody was faster
    }
  }
}

void postgres_server::wait_until_ready() {
  const auto until = std::chrono::steady_clock::now() + patience;
  const auto where = administrator();
  while (PQping(where.c_str()) != PQPING_OK) {
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) == process_) {
      process_ = -1;
      throw std::runtime_error("the PostgreSQL server ended at once");
    }
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the PostgreSQL server does not answer");
    pause_briefly();
  }
}

void postgres_server::stop(int signal) {
  if (process_ <= 0) return;
  kill(process_, signal);
  const auto until = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(process_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) kill(process_, SIGKILL);
    pause_briefly();
  }
  process_ = -1;
}

void postgres_server::signal_all(int signal) const {
  const auto own = std::to_string(process_);
  kill(process_, signal);  // first: it starts no others then
  std::ifstream children("/proc/" + own + "/task/" + own + "/children");
  for (pid_t child = 0; children >> child;) kill(child, signal);
}

void postgres_server::freeze() { signal_all(SIGSTOP); }
void postgres_server::thaw() { signal_all(SIGCONT); }

std::string postgres_server::connection_string() const {
  return "Host=127.0.0.1;Port=" + std::to_string(port_) + ";Database=postgres;Username=mamey;SSL Mode=Disable";
}

std::string postgres_server::fresh_name() {
  static std::atomic<int> last = 0;
  return "t" + std::to_string(++last);
}

std::vector<std::vector<std::string>> postgres_server::execute(const std::string& sql) const {
  const auto where = administrator();
  const std::unique_ptr<PGconn, decltype(&PQfinish)> session(PQconnectdb(where.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(session.get(), sql.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(session.get()) + (" in " + sql));
  std::vector<std::vector<std::string>> found;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& values = found.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) values.emplace_back(PQgetvalue(result.get(), row, column));
  }
  return found;
}

}  // namespace mamey::testing
