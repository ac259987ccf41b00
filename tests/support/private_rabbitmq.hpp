#pragma once

/// @file
/// A RabbitMQ node of a test's own: own directory, own ports, own epmd; stopped by process id, leaving nothing behind.

#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "tests/support/certificates.hpp"
#include "tests/support/temporary_directory.hpp"

namespace mamey::testing {

struct private_rabbitmq_options {
  std::string extra_configuration = {};     ///< lines of rabbitmq.conf
  std::string plugins = {};                 ///< to enable, with commas between
  const authority* certificates = nullptr;  ///< with one for `broker`: TLS on a port of its own, for clients with a certificate
};

class private_rabbitmq {
 public:
  /// Starts and waits until it listens. Throws std::runtime_error with the end of its log.
  explicit private_rabbitmq(const private_rabbitmq_options& options = {});
  ~private_rabbitmq();
  private_rabbitmq(const private_rabbitmq&) = delete;
  private_rabbitmq& operator=(const private_rabbitmq&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::uint16_t tls_port() const noexcept { return tls_port_; }
  void kill_hard();  ///< as a power cut would
  void start();      ///< again, on the same port and data
  /// The name of a virtual host that no case had before, for cases that must not meet.
  std::string new_virtual_host();
  /// Runs Erlang in the node; returns what it prints.
  std::string evaluate(const std::string& expression);

 private:
  void stop();
  temporary_directory directory_;
  std::uint16_t port_ = 0, tls_port_ = 0, distribution_port_ = 0, epmd_port_ = 0;
  /// A process that dies with this one, and the thread that began it: Linux counts the end of that thread as the parent's.
  struct child {
    child() = default;
    ~child();  ///< also of one whose node did not start: its thread must not be left behind
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    pid_t group = -1;
    std::thread keeper;
    std::promise<void> let_go;
  };
  static void begin(child& which, const std::vector<std::string>& command, const std::string& log);
  static void end(child& which, int with);
  child epmd_, node_;
  int hosts_made_ = 0, hosts_given_ = 0;
  std::size_t seen_ = 0;  ///< of its log, before this start
};

}  // namespace mamey::testing
