#pragma once

/// @file
/// The HTTP/1.1 server: sockets in, calls of a handler out.
///
/// One loop accepts and hands connections round-robin to the loops. A connection that waits owns neither stack nor buffer; a fiber starts
/// when a request is complete, answers every complete request that has arrived with it, and writes all answers at once.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/tls.hpp>
#include <mamey/web/handler.hpp>

namespace mamey::inline v1 {
class runtime;
}

namespace mamey::inline v1::web {

/// Section `server`. What exceeds a limit is answered (414, 431, 413, 408, 503) and the connection closes.
struct server_options {
  std::vector<std::string> urls{"http://*:5000"};    ///< where to listen; port 0 takes a free one, `*` is every address of the machine
  tls_options tls{.verify = tls_verify::none};       ///< of https urls; `verify` and `caFile` are about certificates of clients
  std::size_t max_connections = 10'000;              ///< beyond: 503 and closed
  std::size_t max_in_flight = 4'096;                 ///< requests handled at once; beyond, or short of fibers: 503 with Retry-After
  std::size_t max_request_line = 8 << 10;            ///< bytes; 414
  std::size_t max_header_bytes = 32 << 10;           ///< 431
  std::size_t max_headers = 100;                     ///< 431
  std::size_t max_body_bytes = 4 << 20;              ///< 413
  std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte of a request to the end of its header
  std::chrono::milliseconds body_timeout{30'000};    ///< from there to the end of its body
  std::chrono::milliseconds idle_timeout{75'000};    ///< between requests
  std::chrono::milliseconds write_timeout{30'000};   ///< without progress of the reader
  std::chrono::milliseconds request_timeout{
      30'000};  ///< ambient deadline of a handler; 0: none. A client may ask for less: `X-Request-Timeout: <milliseconds>`
  std::chrono::seconds retry_after{1};  ///< told to those who were shed
  std::string correlation_context_header = "Correlation-Context";  ///< header the reference's context comes in
};

/// Where a server listens.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;
  bool secure = false;  ///< https
  /// `http://host:port`; `*` reads as `localhost`, so that one can click on it.
  std::string url() const;
};

/// Counted since the start.
struct server_statistics {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t requests = 0;   ///< that reached the handler
  std::uint64_t in_flight = 0;  ///< of these, not yet answered
  std::uint64_t refused = 0;    ///< malformed or over a limit
  std::uint64_t shed = 0;       ///< 503 for want of room
  std::uint64_t timed_out = 0;  ///< connections closed because the client was too slow
};

/// Functions may be called from any thread or fiber, one at a time; `read_statistics` at any time.
class http_server {
 public:
  /// The handler and the runtime outlive the server.
  http_server(runtime& on, const server_options& options, handler& answers);
  ~http_server();  ///< closes
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Binds and listens. Throws `unavailable` naming the address when it is taken, std::invalid_argument for a url that is none or https
  /// without a certificate, std::runtime_error naming the file when that cannot be used.
  void start();
  /// In the order of the urls, port 0 replaced by the one taken. Empty before `start`.
  std::vector<endpoint> addresses() const;

  /// Takes what the kernel has queued, then closes the listeners. From now on every answer carries `Connection: close`.
  void stop_accepting();
  /// Waits until every connection has ended, at most until `deadline`; then closes those without a request under way. True when no request
  /// was left unanswered.
  bool drain(steady_time deadline);
  /// Cancels the handlers that still run, waits for their end, and closes every connection.
  void close();

  server_statistics read_statistics() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1::web
