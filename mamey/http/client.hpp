#pragma once

/// @file
/// Calling other services. Connections are pooled per loop and address; deadline, trace and correlation of the ambient context go along.
///
///     mamey::http::client client{runtime, options};
///     auto price = client.service("pricing").get_json<Price>("/orders/42/pricing");

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/time.hpp>
#include <mamey/http/method.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1 {
class runtime;
}

namespace mamey::inline v1::http {

/// Hides parts of addresses in the log.
struct request_masking {
  bool enabled = false;                 ///< whether anything is hidden
  std::vector<std::string> url_parts;   ///< texts to hide wherever they stand in an address
  std::string mask_template = "*****";  ///< what is written instead
};

/// Section `httpClient`: the reference's keys, then ours.
struct client_options {
  std::string type;                             ///< ``, `consul` or `fabio`: how names are resolved; only the first is built in
  int retries = 2;                              ///< further tries, only where safe
  std::map<std::string, std::string> services;  ///< name ⇒ address: `pricing`: `http://localhost:5003`
  http::request_masking request_masking;
  bool remove_charset_from_content_type = false;  ///< accepted and without effect: none is sent
  std::string correlation_context_header = "Correlation-Context";  ///< header that carries the reference's context on
  std::string correlation_id_header = "X-Correlation-ID";          ///< header that carries the correlation id on

  tls_options tls{};  ///< of https addresses
  std::chrono::milliseconds connect_timeout{2'000};  ///< the TLS handshake included
  std::chrono::milliseconds try_timeout{10'000};  ///< of one try
  std::chrono::milliseconds timeout{30'000};      ///< of all tries; the ambient deadline holds besides
  std::chrono::milliseconds retry_delay{50};      ///< before the first retry; doubles, with jitter
  std::chrono::milliseconds retry_longest_delay{2'000};  ///< where the doubling ends
  std::size_t connections = 64;                    ///< most at once to one address, per loop; further calls wait
  std::size_t idle_connections = 16;               ///< most kept for reuse, per address and loop
  std::chrono::milliseconds idle_timeout{30'000};  ///< keep it below the server's
  std::size_t max_header_bytes = 64 << 10;         ///< of an answer; more is an error
  std::size_t max_response_bytes = 16 << 20;  ///< of a body; more is an error
  int breaker_failures = 10;                  ///< in a row that stop calls to a service for `breakerOpen`; 0: never
  std::chrono::milliseconds breaker_open{5'000};  ///< how long nothing is sent; then one call is let through to see
};

/// What to send.
struct client_request {
  http_method method = http_method::get;
  std::string url;                                                ///< absolute; relative to its address on a `service_client`
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< CR, LF and NUL are refused
  std::string body = {};
  std::string content_type = {};                          ///< of the body
  std::optional<std::chrono::milliseconds> timeout = {};  ///< of all tries, instead of the option
  std::optional<int> retries = {};                        ///< instead of the option
};

/// What came back. A status of 400 and above is an answer too.
struct client_response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  int tries = 1;

  bool ok() const noexcept { return status >= 200 && status < 300; }
  std::optional<std::string_view> header(std::string_view name) const noexcept;
};

/// Throws what a bad status means to the caller: `not_found` for 404, `conflict` for 409, `rate_limited` for 429, `deadline_exceeded` for
/// 504, `unavailable` for 502 and 503; every other one is an `internal_error`, as this service asked wrongly or the other failed. Code and
/// reason are the answer's, if it has them.
void throw_unless_ok(const client_response& answer, std::string_view what);

class service_client;

/// Thread-safe; its calls suspend the fiber. Calls throw `unavailable` (no connection, not to be trusted, broken, breaker open), `deadline_exceeded`,
/// `cancelled`, or std::invalid_argument for an address or header that cannot be sent.
class client {
 public:
  explicit client(runtime& on, client_options options = {});
  ~client();  ///< closes the pooled connections; no call may be under way
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  client_response send(const client_request& what);
  client_response get(std::string_view url);

  /// The answer's body as T; see `throw_unless_ok`.
  template <class T>
  T get_json(std::string_view url) {
    return receive<T>(http_method::get, url, nullptr, nullptr);
  }
  /// Nothing for 404.
  template <class T>
  std::optional<T> find_json(std::string_view url) {
    T value{};
    if (!exchange_json(http_method::get, url, nullptr, nullptr, &model_of<T>(), &value, absent::is_nothing)) return std::nullopt;
    return value;
  }
  /// Without T the answer's body does not matter.
  template <class T = void, class Body>
  T post_json(std::string_view url, const Body& body) {
    return receive<T>(http_method::post, url, &model_of<Body>(), &body);
  }
  template <class T = void, class Body>
  T put_json(std::string_view url, const Body& body) {
    return receive<T>(http_method::put, url, &model_of<Body>(), &body);
  }

  /// A service of the configuration. Throws `unavailable` (`unknown_service`) when it has no address.
  service_client service(std::string_view name);
  /// Takes precedence over the configuration: for discovery and tests.
  void set_service(std::string_view name, std::string_view address);

  struct statistics {
    std::uint64_t requests = 0, tries = 0, connections_opened = 0, connections_reused = 0, stale = 0, refused_by_breaker = 0;
  };
  statistics read_statistics() const noexcept;

 private:
  friend class service_client;
  enum class absent : std::uint8_t { is_an_error, is_nothing };
  template <class T>
  T receive(http_method method, std::string_view url, const type_model* body_model, const void* body) {
    if constexpr (std::is_void_v<T>) {
      exchange_json(method, url, body_model, body, nullptr, nullptr, absent::is_an_error);
    } else {
      T value{};
      exchange_json(method, url, body_model, body, &model_of<T>(), &value, absent::is_an_error);
      return value;
    }
  }
  bool exchange_json(http_method method, std::string_view url, const type_model* body_model, const void* body,
                     const type_model* result_model, void* result, absent when_absent);

  struct state;
  std::unique_ptr<state> state_;
};

/// A client with an address in front: urls are paths. Cheap to copy; lives no longer than its client.
class service_client {
 public:
  client_response send(client_request what) const;
  client_response get(std::string_view path) const { return client_->get(address_ + std::string(path)); }
  template <class T>
  T get_json(std::string_view path) const {
    return client_->get_json<T>(address_ + std::string(path));
  }
  template <class T>
  std::optional<T> find_json(std::string_view path) const {
    return client_->find_json<T>(address_ + std::string(path));
  }
  template <class T = void, class Body>
  T post_json(std::string_view path, const Body& body) const {
    return client_->post_json<T>(address_ + std::string(path), body);
  }
  template <class T = void, class Body>
  T put_json(std::string_view path, const Body& body) const {
    return client_->put_json<T>(address_ + std::string(path), body);
  }
  const std::string& address() const noexcept { return address_; }

 private:
  friend class client;
  service_client(client& of, std::string address) : client_(&of), address_(std::move(address)) {}
  client* client_;
  std::string address_;
};

}  // namespace mamey::inline v1::http
