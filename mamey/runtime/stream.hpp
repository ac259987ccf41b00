#pragma once

/// @file
/// For features and services.
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
  int release() noexcept {
    const int d = descriptor_;
    descriptor_ = -1;
    return d;
  }

 private:
  int descriptor_;
};

/// A connection, in clear or over TLS. I/O errors throw std::system_error. An operation's own timeout and the ambient deadline throw
/// `deadline_exceeded`.
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
  /// Never waits: empty when no byte is there, 0 at the end of the stream.
  std::optional<std::size_t> try_read(std::span<char> into);
  /// Writes everything.
  void write(std::string_view bytes, std::optional<steady_time> until = {});
  /// Writes as many bytes as it can without waiting; returns the count. The rest must be passed again, unchanged.
  std::size_t try_write(std::string_view bytes);
  /// Waits until readable. False when `until` passed first.
  bool wait_readable(std::optional<steady_time> until);
  bool wait_writable(std::optional<steady_time> until);
  /// Calls back once, on the loop and outside any fiber, when bytes (or the end) arrive. An idle connection needs no stack in this way. An
  /// empty function removes the callback.
  void on_readable(std::function<void()> callback);
  /// Likewise when more can be written, after `try_write` wrote less than it was given.
  void on_writable(std::function<void()> callback);
  /// The number of written bytes that the peer's system has not confirmed yet: it shows the progress of a slow reader. 0 when the system
  /// does not report it.
  std::size_t unconfirmed() const noexcept;

  /// Encrypts all that follows, and waits for the handshake (tls.hpp). For a client, `peer_name` is the name that the peer's
  /// certificate must hold. Throws `tls_error`.
  void start_tls(const tls_context& with, const std::string& peer_name = {}, std::optional<steady_time> until = {});
  /// The same without waiting: `try_read` performs the handshake. Therefore a readable stream may have no byte to return.
  void begin_tls(const tls_context& with, const std::string& peer_name = {});
  /// Further bytes go in clear, and the peer gets no notice: for an answer to a peer that never spoke TLS.
  void leave_tls() noexcept;

  /// Over TLS the peer gets a notice of the close, if it can be sent without waiting.
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
  struct options {
    int backlog = 1024;
    std::optional<unsigned> socket_mode =
        {};  ///< permissions of a socket in the file system, set before the first client, such as 0660; empty: as the umask says
  };
  /// `host` is an address or `*`, `0.0.0.0`, `localhost`; port 0 takes a free one. `unix:/path` is a socket in the file system: one that an
  /// ended process left there is replaced, and `close` removes it. Throws std::system_error naming host and port.
  tcp_listener(const std::string& host, std::uint16_t port) : tcp_listener(host, port, options{}) {}
  tcp_listener(const std::string& host, std::uint16_t port, const options& how);
  ~tcp_listener();
  std::uint16_t port() const noexcept;
  /// Calls `accepted` on the current loop for each connection, until `close`. When descriptors run out it pauses, and resumes
  /// automatically.
  void start(std::function<void(socket_handle)> accepted);
  /// What to do when descriptors run out. `make_room` is asked first, every 50 ms, and returns true when it has closed one. After two seconds
  /// without success, a spare descriptor serves to accept the waiting clients, and `refuse` answers each of them. Call it before `start`.
  void when_full(std::function<bool()> make_room, std::function<void(socket_handle)> refuse);
  /// The kernel opens no new connection from now on: a new client tries again after a second, and is refused once the listener is closed.
  /// Running handshakes end as usual. A close a moment after this call therefore resets no client. Loop thread only.
  void turn_away() noexcept;
  /// Accepts the connections that the kernel has queued, then closes. Loop thread only.
  void close() noexcept;

 private:
  void listen_in_file_system(const std::string& path, const options& how);
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
