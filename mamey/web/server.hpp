#pragma once

/// @file
/// For the framework.
/// The HTTP/1.1 server: sockets in, calls of a handler out.
///
/// One loop accepts and hands connections round-robin to the loops. A connection that waits owns neither stack nor buffer; a fiber starts
/// when a request is complete, answers every complete request that has arrived with it, and writes all answers at once.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/tls.hpp>
#include <mamey/web/handler.hpp>

namespace mamey::inline v1 {
class runtime;
}

namespace mamey::inline v1::web {

/// Section `server`. A request that exceeds a limit gets an answer (414, 431, 413, 408, 503), and the connection closes. A limit that would
/// refuse everybody is refused at the start, with its allowed range.
struct server_options {
  std::vector<std::string> urls{
      "http://*:5000"};  ///< addresses to listen on; port 0 takes a free port, `*` is every address of the machine, `http://unix:/path` is a socket in the file system
  std::string socket_mode;  ///< permissions of such a socket, octal, such as `0660`; empty: as the umask of the process says
  tls_options tls{.verify = tls_verify::none};  ///< of https urls; `verify` and `caFile` are about certificates of clients
  std::size_t max_connections =
      10'000;  ///< maximum number of connections; beyond it an idle connection is closed for the new one, else 503 and closed
  std::size_t max_in_flight =
      4'096;  ///< maximum number of requests that are handled at once; beyond it, or when fibers run out: 503 with Retry-After
  std::size_t max_request_line = 8 << 10;   ///< maximum bytes of the request line; beyond it 414
  std::size_t max_header_bytes = 32 << 10;  ///< maximum bytes of the header; beyond it 431
  std::size_t max_headers = 100;            ///< maximum number of header fields; beyond it 431
  std::size_t max_body_bytes = 4 << 20;     ///< maximum bytes of the body; beyond it 413
  std::size_t max_buffered_bytes =
      128
      << 20;  ///< maximum memory of all connections together: requests that arrive in parts (503) and answers that wait (connection reset)
  std::chrono::milliseconds header_timeout{10'000};  ///< longest time from the first byte of a request to the end of its header
  std::chrono::milliseconds body_timeout{30'000};    ///< longest time from the end of the header to the end of the body
  std::chrono::milliseconds idle_timeout{75'000};    ///< longest silence between requests
  std::chrono::milliseconds write_timeout{30'000};   ///< longest time without progress of a client that reads its answer
  std::size_t min_receive_rate =
      240;                          ///< lowest rate of a body in bytes per second, on average after `rateGrace`; below it 408; 0: no limit
  std::size_t min_send_rate = 240;  ///< lowest rate of a client that reads its answers, likewise; below it the connection is reset
  std::chrono::milliseconds rate_grace{5'000};  ///< how long a body or a client may be slower at the beginning
  std::chrono::milliseconds request_timeout{
      30'000};  ///< ambient deadline of a handler; 0: none. A client may ask for less: `X-Request-Timeout: <milliseconds>`
  std::chrono::seconds retry_after{1};  ///< the Retry-After of a 503
  std::string correlation_context_header =
      "Correlation-Context";  ///< header with the correlation context of .NET Mamey (Convey); empty: none is read
  std::vector<std::string>
      trust_tenant_from;  ///< callers whose header `X-TENANT-ID` is believed: addresses (`10.1.2.3`), networks (`10.1.0.0/16`, `fd00::/8`), or `unix` for a socket in the file system. A request that a proxy passed on is not believed. Empty: nobody is
  bool bodies_without_content_type =
      false;  ///< true: a body without Content-Type is read as JSON. false: it is a 415, because any page can make a browser send such a body

  static void check(const server_options& options, violations& found);
  static constexpr auto rules() { return all(field<&server_options::request_timeout>.zero_is_none()); }
};

/// An address of a server.
struct endpoint {
  std::string host;  ///< `unix:/path`: a socket in the file system
  std::uint16_t port = 0;
  bool secure = false;  ///< https
  /// What is listened on, for people: `http://*:5000`, `http://[::1]:5000`, `http://unix:/path`.
  std::string url() const;
  /// What a client on this machine calls: as `url`, but `localhost` stands for all addresses.
  std::string local_url() const;
  /// `http://*:5000`, `http://unix:/path`. Throws std::invalid_argument that says what is wrong.
  static endpoint parse(std::string_view text);
};

/// Counted since the start.
struct server_statistics {
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t requests = 0;         ///< requests that reached the handler
  std::uint64_t in_flight = 0;        ///< of these, requests whose handlers run
  std::uint64_t answers_waiting = 0;  ///< connections whose client has not read its answer yet
  std::uint64_t buffered_bytes = 0;   ///< memory for requests that arrive in parts, and for answers that wait
  std::uint64_t refused = 0;          ///< malformed requests and requests over a limit
  std::uint64_t shed = 0;             ///< requests with a 503 because of a full server
  std::uint64_t timed_out = 0;        ///< connections closed because the client was too slow
};

/// Functions may be called from any thread or fiber, one at a time; `read_statistics` at any time.
class http_server {
 public:
  /// The handler and the runtime outlive the server.
  http_server(runtime& on, const server_options& options, handler& answers);
  /// Uses these loops only; the first one accepts connections.
  http_server(const std::vector<event_loop*>& on, const server_options& options, handler& answers);
  ~http_server();  ///< closes
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Before `start`: the application that is served. Its sampler decides about the traces that begin with a request.
  void belongs_to(std::string application);
  /// Before `start`: the https url of this position in `urls` has TLS options of its own instead of `server_options::tls`.
  void use_tls(std::size_t url, tls_options options);
  /// Binds and listens. Throws `unavailable` naming the address when it is taken, validation_error for options outside their ranges,
  /// std::invalid_argument for a url that is none or https without a certificate, std::runtime_error naming the file when that cannot be
  /// used.
  void start();
  /// In the order of the urls, port 0 replaced by the one taken. Empty before `start`.
  std::vector<endpoint> addresses() const;

  /// Accepts the connections that the kernel has queued, then closes the listeners. From now on every answer carries `Connection: close`.
  void stop_accepting();
  /// Waits until every connection has ended, at most until `deadline`; then closes those without a request under way. True when no request
  /// was left unanswered.
  bool drain(steady_time deadline);
  /// Cancels the handlers that still run, waits for their end, and closes every connection.
  void close();

  server_statistics read_statistics() const noexcept;
  /// The end of the validity of the https certificate that ends first; empty without one.
  std::optional<std::chrono::sys_seconds> certificate_expires() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1::web
