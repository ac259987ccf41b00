#pragma once

/// @file
/// The sections the host reads itself.

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/core/reflect.hpp>
#include <mamey/core/rules.hpp>

namespace mamey::inline v1 {

/// Section `app`.
struct app_options {
  std::string name;             ///< title of the OpenAPI document; empty: the application's name
  std::string service;          ///< accepted and without effect
  std::string instance;         ///< accepted and without effect
  std::string version;          ///< version in the OpenAPI document; empty: `1.0.0`
  bool display_banner = true;   ///< accepted and without effect: there is no banner
  bool display_version = true;  ///< accepted and without effect
  bool allow_unhandled =
      false;  ///< code of the program may send or ask a message that no application of it handles: the start logs a warning; otherwise it is refused
  std::string assembly;  ///< replaces `{{assembly}}` in queue names; empty: the application's name
};

/// Section `persistence`.
struct persistence_options {
  std::string
      store;  ///< `sqlite` or `postgres`, if the application has it; empty: `postgres` if `postgres:connectionString` is given and the application has both
  bool refuse_unreadable =
      false;  ///< true: a list fails when a row cannot be read. false: the row is left out, logged and counted (`find` fails in both cases)
};

/// Section `shutdown`.
struct shutdown_options {
  std::chrono::milliseconds drain_delay{0};  ///< time between "not ready" and "no more connections", for balancers that poll readiness
  std::chrono::milliseconds idle_grace{
      1'000};  ///< time after "no more connections" for one more request on a kept connection; then silent connections are closed
  std::chrono::milliseconds drain_timeout{
      15'000};  ///< how long running requests, then running messages, then background work may take to end
  std::chrono::milliseconds step_timeout{5'000};  ///< how long a step that a feature adds to the stop may take
};

/// Section `configurationLayers`. A layer cannot set its keys.
struct configuration_layer_options {
  std::chrono::milliseconds timeout{
      30'000};  ///< how long each layer that a feature adds may take to load; a slower layer refuses the start
};

/// Section `management`.
struct management_options {
  std::vector<std::string>
      urls;  ///< separate listeners, `http://127.0.0.1:9001` or `http://unix:/run/orders/management.sock`. Metrics, health, log levels and messages are there, and no longer on the service's addresses. Port 0 takes a free port; https uses the certificate of `server:tls`. Empty: all are on the service's addresses
  bool public_health =
      true;  ///< with `urls`: `/health/…` also answers on the service's addresses, with one word per check; false: 404 there
  std::string socket_mode = "0660";  ///< permissions of a socket in `urls`, octal
  std::size_t max_connections =
      64;  ///< maximum number of connections to `urls`; beyond it an idle connection is closed for the new one, else 503 and closed
  std::size_t max_in_flight = 16;  ///< maximum number of requests to `urls` that are handled at once; beyond it a few more, then 503
  std::chrono::milliseconds request_timeout{10'000};  ///< longest time of a request to `urls`; 0: no limit
  bool log_level = true;                              ///< serves `POST /logging/level?level=debug&category=…`
  bool messages = false;                              ///< serves `/_messages`
  std::string
      api_key;  ///< the key that requests which change something must send as header `X-Api-Key`; empty: only callers on this machine may

  static void check(const management_options& options, violations& found);
};

/// Section `metrics` of .NET services: a switch.
struct metrics_options {
  bool enabled = true;                      ///< false: `/metrics` does not exist, unless `prometheus:enabled` is true
  bool prometheus_enabled = true;           ///< accepted and without effect: `/metrics` always has the form of Prometheus
  std::string prometheus_formatter;         ///< accepted and without effect
  bool influx_enabled = false;              ///< does not exist here: the start reports it
  std::string influx_url;                   ///< accepted and without effect
  std::string database;                     ///< accepted and without effect
  std::string env;                          ///< accepted and without effect
  int interval = 0;                         ///< accepted and without effect
  std::map<std::string, std::string> tags;  ///< accepted and without effect
};

/// Section `prometheus`: the address of the metrics, and the clients that may read them.
struct prometheus_options {
  bool enabled = true;                     ///< false: `/metrics` does not exist, unless `metrics:enabled` is true
  std::string endpoint;                    ///< path of the metrics; empty: `/metrics`
  std::string api_key;                     ///< the key that clients must send as `?apiKey=`; empty: everybody may read
  std::vector<std::string> allowed_hosts;  ///< names in the header `Host`, or whole values of `X-Forwarded-For`, that need no key
};

}  // namespace mamey::inline v1
