#pragma once

/// @file
/// Stands between a client and a server of this machine, and does to their connection what networks do.

#include <atomic>
#include <cstdint>
#include <thread>

namespace mamey::testing {

class tcp_gate {
 public:
  /// Forwards to 127.0.0.1:`server`.
  explicit tcp_gate(std::uint16_t server);
  ~tcp_gate();
  tcp_gate(const tcp_gate&) = delete;
  tcp_gate& operator=(const tcp_gate&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// What the server says is kept back.
  void hold_answers(bool held) { holding_ = held; }
  /// What the client says is kept back, too: a half-open connection.
  void swallow(bool swallowed) { swallowing_ = swallowed; }
  /// Bytes of the server's that were kept back.
  std::uint64_t held_bytes() const noexcept { return held_bytes_; }
  /// Connections that the server closed while what it had said was kept back: the client hears both together.
  std::uint64_t ended() const noexcept { return ended_; }
  /// Bytes of the client's for a server that had closed, which the client could not know.
  std::uint64_t lost_bytes() const noexcept { return lost_bytes_; }
  /// Resets every connection.
  void cut();
  std::uint64_t accepted() const noexcept { return accepted_; }
  /// How often the server spoke after the client had: round trips.
  std::uint64_t turns() const noexcept { return turns_; }

 private:
  void run();

  std::uint16_t server_, port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stops_{false}, holding_{false}, swallowing_{false}, cuts_{false};
  std::atomic<std::uint64_t> held_bytes_{0}, lost_bytes_{0}, ended_{0}, accepted_{0}, turns_{0};
  std::jthread thread_;
};

}  // namespace mamey::testing
