#pragma once

/// @file
/// A PostgreSQL server of one's own: a data folder that goes away, a free port of 127.0.0.1, stopped by its process id.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace mamey::testing {

class postgres_server {
 public:
  /// The one of this executable; started when first asked for.
  static postgres_server& shared();

  /// `settings`: more arguments of the server, `-c name=value`.
  explicit postgres_server(std::vector<std::string> settings = {});
  /// A copy of `primary` that follows it by streaming replication.
  struct standby_of {
    const postgres_server& primary;
  };
  explicit postgres_server(standby_of copied);
  ~postgres_server();
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  void start();
  /// A server that has stopped in order starts as a standby of another, which has everything it had.
  void start_as_standby_of(const postgres_server& primary);
  /// A standby takes writes from now on. Returns when it does.
  void promote();
  /// `SIGINT` ends sessions and stops; `SIGQUIT` is the crash.
  void stop(int signal);
  /// Its processes stop in the middle of what they do; the machine still accepts connections for them.
  void freeze();
  void thaw();

  std::uint16_t port() const noexcept { return port_; }
  /// `Host=127.0.0.1;…`, user `mamey`, database `postgres`, no password.
  std::string connection_string() const;
  /// The same for libpq, through the server's socket in the file system.
  std::string administrator() const {
    return "host=" + directory_.path() + " port=" + std::to_string(port_) + " user=mamey dbname=postgres";
  }
  /// The authority that signed the server's certificate, which is made out for `localhost`.
  std::string authority_file() const { return directory_.file("ca.crt"); }
  /// A client's certificate of that authority for user `name`: `FILE.crt` and `FILE.key`, which belong to this process.
  void issue_certificate(const std::string& name, const std::string& file) const;
  /// Another authority and another certificate of the server, for connections that begin from now on. Clients' certificates of the one before are still good.
  void replace_authority();
  /// A name nobody has used.
  static std::string fresh_name();
  /// As the administrator. Throws what the server says. Rows by row, columns as text.
  std::vector<std::vector<std::string>> execute(const std::string& sql) const;

 private:
  void make_certificates() const;
  void follow(const postgres_server& primary) const;
  void wait_until_ready();
  void signal_all(int signal) const;

  const std::vector<std::string> settings_;
  temporary_directory directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace mamey::testing
