#pragma once

/// @file
/// TCP for fibers, with deadlines. A stream belongs to the loop it was made on.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

class tls_context;

/// An accepted or connected socket, not yet on a loop. Owns the descriptor.
class socket_handle {
 public:
  explicit socket_handle(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  socket_handle(socket_handle&& other) noexcept : descriptor_(other.release()) {}
  socket_handle& operator=(socket_handle&& other) noexcept;
  ~socket_handle();
  int get() const noexcept { return descriptor_; }
  int release() noexcept { const int d = descriptor_; descriptor_ = -1; return d; }

 private:
  int descriptor_;
};

/// A connection, in clear or over TLS. I/O errors throw std::system_error, an operation's own timeout or the ambient deadline `deadline_exceeded`.
class tcp_stream {
 public:
  /// Puts the socket on the current loop.
  explicit tcp_stream(socket_handle socket);
  ~tcp_stream();  ///< closes
  tcp_stream(tcp_stream&&) noexcept;
  tcp_stream& operator=(tcp_stream&&) noexcept;

  /// Resolves on the blocking pool, tries the addresses in order.
  static tcp_stream connect(const std::string& host, std::uint16_t port, std::chrono::nanoseconds timeout);

  /// Waits for at least one byte; 0 at the end of the stream.
  std::size_t read_some(std::span<char> into, std::optional<steady_time> until = {});
  /// Never waits: nothing when no byte is there, 0 at the end of the stream.
  std::optional<std::size_t> try_read(std::span<char> into);
  /// Writes everything.
  void write(std::string_view bytes, std::optional<steady_time> until = {});
  /// Writes what fits without waiting; returns the count. The rest must be offered again, unchanged.
  std::size_t try_write(std::string_view bytes);
  /// Waits until readable. False when `until` passed first.
  bool wait_readable(std::optional<steady_time> until);
  bool wait_writable(std::optional<steady_time> until);
  /// Calls back once, on the loop and outside any fiber, when bytes (or the end) arrive: an idle connection that owns no stack. Empty: takes it back.
  void on_readable(std::function<void()> callback);

  /// Encrypts all that follows, and waits for the handshake (tls.hpp). `peer_name` is whom a client calls: the name that the certificate must
  /// hold. Throws `tls_error`.
  void start_tls(const tls_context& with, const std::string& peer_name = {}, std::optional<steady_time> until = {});
  /// The same without waiting: the handshake goes along with the first `try_read`. Afterwards a readable stream may have no byte to give.
  void begin_tls(const tls_context& with, const std::string& peer_name = {});

  /// Over TLS the peer is told, if it takes it now.
  void shutdown_write() noexcept;
  /// Resets the connection instead of the orderly end (RST).
  void abort() noexcept;
  void close() noexcept;
  bool is_open() const noexcept;
  std::string peer() const;
  int descriptor() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A listening socket without SO_REUSEPORT: a taken port is an error, and closing loses no queued connection.
class tcp_listener {
 public:
  /// `host` is an address or `*`, `0.0.0.0`, `localhost`; port 0 takes a free one. Throws std::system_error naming host and port.
  tcp_listener(const std::string& host, std::uint16_t port, int backlog = 1024);
  ~tcp_listener();
  std::uint16_t port() const noexcept;
  /// Calls `accepted` on the current loop for each connection, until `close`. When descriptors run out it pauses and resumes by itself.
  void start(std::function<void(socket_handle)> accepted);
  /// The kernel opens no new connection any more: a client that comes now asks again after a second and is refused once the listener is closed.
  /// Handshakes under way end as usual. Whoever closes a moment later than this resets nobody. Loop thread only.
  void turn_away() noexcept;
  /// Accepts what the kernel has queued, then closes. Loop thread only.
  void close() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
