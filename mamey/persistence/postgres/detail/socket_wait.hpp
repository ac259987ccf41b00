#pragma once

/// @file
/// Waiting for libpq's socket: a fiber on its loop, a plain thread by poll.

#include <cstdint>
#include <optional>

#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::postgres_detail {

/// What has been read from a TCP connection since it was made, or a little less; nothing of a socket in the file system.
std::optional<std::uint64_t> bytes_read(int descriptor);

/// One socket, waited for by one fiber or thread at a time. What came is remembered, so a wait that begins afterwards returns at once. A loop
/// watches a descriptor of ours for it: libpq closes its own whenever a call of any thread finds the connection broken, and another socket
/// may have its number at once.
class socket_wait final : event_loop::watcher {
 public:
  enum class interest : std::uint8_t { reading, writing, both };

  socket_wait() = default;
  ~socket_wait() override;
  socket_wait(const socket_wait&) = delete;
  socket_wait& operator=(const socket_wait&) = delete;

  /// Puts the descriptor on the calling fiber's loop, for this interest; nothing outside one. Does nothing when it is there already. The
  /// first wait returns at once when the interest is met.
  void start(int descriptor, interest in);
  /// Whether input is announced once: it has to be read until there is none.
  bool announces_once() const noexcept { return loop_ != nullptr && watched_for_ != interest::reading; }
  /// Takes it off; on the loop it was put on.
  void stop() noexcept;
  /// Ends the current wait, or else the next one. Any thread.
  void interrupt() noexcept { edges_.release(); }
  event_loop* loop() const noexcept { return loop_; }

  /// False when `until` passed. Throws when the ambient context is interrupted.
  bool wait(steady_time until);

 private:
  void readable() override {
    if (watched_for_ != interest::writing) signal();
  }
  void writable() override {
    if (watched_for_ != interest::reading) signal();
  }
  void hung_up() override { signal(); }
  void signal();

  int descriptor_ = -1;  ///< libpq's
  int watched_ = -1;     ///< ours, of the same socket; made for the first loop
  event_loop* loop_ = nullptr;
  interest watched_for_ = interest::both;
  bool signalled_ = false;
  semaphore edges_{0};
};

}  // namespace mamey::inline v1::postgres_detail
