#pragma once

/// @file
/// For services.
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
#include <mamey/core/rules.hpp>
#include <mamey/core/time.hpp>
#include <mamey/http/address_resolver.hpp>
#include <mamey/http/method.hpp>
#include <mamey/runtime/tls.hpp>

namespace mamey::inline v1 {
class runtime;
}

namespace mamey::inline v1::http {

/// Hides parts of addresses in the log.
struct request_masking {
  bool enabled = false;                 ///< hides parts of addresses in the log
  std::vector<std::string> url_parts;   ///< texts to hide, anywhere in an address
  std::string mask_template = "*****";  ///< the text that is written instead
};

/// A service of `httpClient:services`: its address, and what holds for its calls instead of the settings of `httpClient`.
struct service_settings {
  std::string url =
      {};  ///< its address: `http://localhost:5003`; `services:pricing` may be this text alone. Empty: a resolver knows it, or it is a neighbour in the host
  std::optional<std::chrono::milliseconds> connect_timeout = {};      ///< instead of `httpClient:connectTimeout`
  std::optional<std::chrono::milliseconds> try_timeout = {};          ///< instead of `httpClient:tryTimeout`
  std::optional<std::chrono::milliseconds> timeout = {};              ///< instead of `httpClient:timeout`
  std::optional<int> retries = {};                                    ///< instead of `httpClient:retries`
  std::optional<std::chrono::milliseconds> retry_delay = {};          ///< instead of `httpClient:retryDelay`
  std::optional<std::chrono::milliseconds> retry_longest_delay = {};  ///< instead of `httpClient:retryLongestDelay`
  std::optional<std::size_t> max_response_bytes = {};                 ///< instead of `httpClient:maxResponseBytes`
  std::optional<int> breaker_failures = {};                           ///< instead of `httpClient:breakerFailures`
  std::optional<std::chrono::milliseconds> breaker_open = {};         ///< instead of `httpClient:breakerOpen`

  static constexpr auto rules() {
    constexpr std::chrono::milliseconds least{1};
    return all(field<&service_settings::connect_timeout>.at_least(least), field<&service_settings::try_timeout>.at_least(least),
               field<&service_settings::timeout>.at_least(least), field<&service_settings::retries>.at_least(0),
               field<&service_settings::breaker_failures>.at_least(0));
  }
};

/// Section `httpClient`: the keys of .NET Mamey (Convey), then ours.
struct client_options {
  std::string
      type;  ///< how names of services become addresses: the name of a resolver that a feature adds; empty: by `services` alone. For `consul` and `fabio` without their feature the start logs a warning
  int retries = 2;  ///< number of further tries, only where a retry is safe
  std::map<std::string, service_settings>
      services;  ///< each service by its name: its address as a text (`pricing`: `http://localhost:5003`), or its settings
  http::request_masking request_masking;
  bool remove_charset_from_content_type = false;  ///< accepted and without effect: none is sent
  std::string correlation_context_header =
      "Correlation-Context";  ///< header for the correlation context of .NET Mamey (Convey); empty: it is not sent
  std::string correlation_id_header = "X-Correlation-ID";  ///< header for the correlation id; empty: it is not sent

  tls_options tls{};                                     ///< of https addresses
  std::chrono::milliseconds connect_timeout{2'000};      ///< longest time to connect, with the TLS handshake
  std::chrono::milliseconds try_timeout{10'000};         ///< longest time of one try
  std::chrono::milliseconds timeout{30'000};             ///< longest time of all tries together; the ambient deadline applies as well
  std::chrono::milliseconds retry_delay{50};             ///< wait before the first retry; doubles with each retry, with jitter
  std::chrono::milliseconds retry_longest_delay{2'000};  ///< longest wait before a retry
  std::size_t connections = 64;                          ///< maximum number of connections to one address, per loop; further calls wait
  std::size_t idle_connections = 16;                     ///< maximum number of idle connections that are kept, per address and loop
  std::chrono::milliseconds idle_timeout{30'000};        ///< how long an idle connection is kept; keep it below the server's `idleTimeout`
  std::size_t max_header_bytes = 64 << 10;               ///< maximum size of an answer's header; a larger one is an error
  std::size_t max_response_bytes = 16 << 20;             ///< maximum size of an answer's body; a larger one is an error
  int breaker_failures = 10;                      ///< number of failures in a row that stop calls to a service for `breakerOpen`; 0: never
  std::chrono::milliseconds breaker_open{5'000};  ///< how long calls are stopped; then one call is let through as a probe

  static void check(const client_options& options, violations& found);
  static constexpr auto rules() {
    constexpr std::chrono::milliseconds least{1};  // at once is never
    return all(field<&client_options::connect_timeout>.at_least(least), field<&client_options::try_timeout>.at_least(least),
               field<&client_options::timeout>.at_least(least));
  }
};

/// A request to send.
struct client_request {
  http_method method = http_method::get;
  std::string url;                                                ///< absolute; relative to its address on a `service_client`
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< CR, LF and NUL are refused
  std::string body = {};
  std::string content_type = {};                              ///< of the body
  std::optional<std::chrono::milliseconds> timeout = {};      ///< total time of all tries, instead of the setting
  std::optional<int> retries = {};                            ///< instead of the setting
  std::optional<std::chrono::milliseconds> try_timeout = {};  ///< of one try, instead of the setting
};

/// How one call of the `…_json` functions differs from the settings: `get_json<Price>(url, {.timeout = 200ms})`.
struct call_options {
  std::optional<std::chrono::milliseconds> timeout = {};      ///< total time of all tries
  std::optional<std::chrono::milliseconds> try_timeout = {};  ///< of one try
  std::optional<int> retries = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< in addition to those of the client
};

/// An answer. A status of 400 and above is an answer too.
struct client_response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  int tries = 1;

  bool ok() const noexcept { return status >= 200 && status < 300; }
  std::optional<std::string_view> header(std::string_view name) const noexcept;
};

/// Another service answered with a status that means a wrong request of ours, or a failure of its own. Our own client gets a 502, without
/// the code, words and address of the other service: the missing resource is not the one that our client asked for. A retry would not help,
/// so the kind is `internal`.
class bad_answer : public error {
 public:
  bad_answer(int status, std::string code, const std::string& reason)
      : error(error_kind::internal, std::move(code), reason), status_(status) {}
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// Throws the exception for a bad status: `unavailable` for 429, 502 and 503, `deadline_exceeded` for 504, `bad_answer` for every other
/// one. Code and reason are those of the answer, if it has them.
void throw_unless_ok(const client_response& answer, std::string_view what);

class service_client;

namespace detail {
struct service_profile;

/// A body to send, and where to put the one that comes.
struct json_bodies {
  const type_model* sent_model = nullptr;
  const void* sent = nullptr;
  const type_model* received_model = nullptr;  ///< null: the answer's body is ignored
  void* received = nullptr;
};
}  // namespace detail

/// The calls of `client` and `service_client` that exchange JSON. They return the answer's body as T; without T it is ignored. A bad status
/// is an exception, see `throw_unless_ok`.
template <class Caller>
class json_calls {
 public:
  template <class T>
  T get_json(std::string_view url, const call_options& how = {}) const {
    return receive<T>(http_method::get, url, how);
  }
  /// Empty for 404.
  template <class T>
  std::optional<T> find_json(std::string_view url, const call_options& how = {}) const {
    T value{};
    if (!self().exchange(http_method::get, url, how, {.received_model = &model_of<T>(), .received = &value}, absent::is_nothing))
      return std::nullopt;
    return value;
  }
  template <class T = void, class Body>
  T post_json(std::string_view url, const Body& body, const call_options& how = {}) const {
    return receive<T>(http_method::post, url, how, &model_of<Body>(), &body);
  }
  template <class T = void, class Body>
  T put_json(std::string_view url, const Body& body, const call_options& how = {}) const {
    return receive<T>(http_method::put, url, how, &model_of<Body>(), &body);
  }
  template <class T = void, class Body>
  T patch_json(std::string_view url, const Body& body, const call_options& how = {}) const {
    return receive<T>(http_method::patch, url, how, &model_of<Body>(), &body);
  }
  template <class T = void>
  T delete_json(std::string_view url, const call_options& how = {}) const {
    return receive<T>(http_method::del, url, how);
  }

 protected:
  enum class absent : std::uint8_t { is_an_error, is_nothing };

 private:
  const Caller& self() const noexcept { return static_cast<const Caller&>(*this); }
  template <class T>
  T receive(http_method method, std::string_view url, const call_options& how, const type_model* body_model = nullptr,
            const void* body = nullptr) const {
    if constexpr (std::is_void_v<T>) {
      self().exchange(method, url, how, {.sent_model = body_model, .sent = body}, absent::is_an_error);
    } else {
      T value{};
      self().exchange(method, url, how, {.sent_model = body_model, .sent = body, .received_model = &model_of<T>(), .received = &value},
                      absent::is_an_error);
      return value;
    }
  }
};

/// Thread-safe; its calls suspend the fiber. Calls throw `unavailable` (no connection, untrusted certificate, connection broken, breaker
/// open), `deadline_exceeded`, `cancelled`, or std::invalid_argument for an address or header that cannot be sent.
class client : public json_calls<client> {
 public:
  explicit client(runtime& on, client_options options = {});
  ~client();  ///< closes the pooled connections; no call may be running
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  client_response send(const client_request& what) const;
  client_response get(std::string_view url) const;

  /// A service of the configuration, whose settings hold for its calls. Throws `unavailable` (`unknown_service`) when it has no address there,
  /// and there is no resolver to ask for one.
  service_client service(std::string_view name) const;
  /// From now on `resolver` says, for each try, where a service is that an address names: one whose host is a single word without a port
  /// (`http://pricing/prices`), but `localhost`. Every other address is called as it is. `name` stands in errors. Before the first call.
  void set_resolver(std::string name, address_resolver resolver);
  /// Takes precedence over the configuration: for discovery and tests. Settings of the service stay.
  void set_service(std::string_view name, std::string_view address);
  /// A service whose address `set_service` tells later: until then `service(name)` says so.
  void await_service(std::string_view name);

  struct statistics {
    std::uint64_t requests = 0, tries = 0, connections_opened = 0, connections_reused = 0, stale = 0, refused_by_breaker = 0;
  };
  statistics read_statistics() const noexcept;

 private:
  friend class json_calls<client>;
  friend class service_client;
  bool exchange(http_method method, std::string_view url, const call_options& how, const detail::json_bodies& bodies,
                absent when_absent) const;

  struct state;
  std::unique_ptr<state> state_;
};

/// A client for one service: urls are paths. Cheap to copy; must not outlive its client.
class service_client : public json_calls<service_client> {
 public:
  client_response send(client_request what) const;
  client_response get(std::string_view path) const;
  const std::string& address() const noexcept { return address_; }

 private:
  friend class client;
  friend class json_calls<service_client>;
  service_client(const client& of, std::string address, const detail::service_profile& profile)
      : client_(&of), address_(std::move(address)), profile_(&profile) {}
  bool exchange(http_method method, std::string_view path, const call_options& how, const detail::json_bodies& bodies,
                absent when_absent) const;

  const client* client_;
  std::string address_;
  const detail::service_profile* profile_;
};

}  // namespace mamey::inline v1::http
