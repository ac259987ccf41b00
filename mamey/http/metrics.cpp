#include <mamey/http/metrics.hpp>

#include <cstdint>
#include <string_view>

#include <mamey/http/client.hpp>

namespace mamey::inline v1::http {

using metrics::sample_kind;

std::vector<metrics::registration> show_client(metrics::registry& in, const client& caller) {
  using statistics = client::statistics;
  std::vector<metrics::registration> shown;
  const auto add = [&](std::string_view name, std::string_view help, std::uint64_t statistics::* number) {
    shown.push_back(
        in.collect(sample_kind::counter, name, help, [&caller, number] { return static_cast<double>(caller.read_statistics().*number); }));
  };
  add("mamey_http_client_requests_total", "Calls to other services.", &statistics::requests);
  add("mamey_http_client_tries_total", "Tries of those calls; more than calls are retries.", &statistics::tries);
  add("mamey_http_client_connections_opened_total", "Connections made.", &statistics::connections_opened);
  add("mamey_http_client_connections_reused_total", "Calls that found one in the pool.", &statistics::connections_reused);
  add("mamey_http_client_refused_by_breaker_total", "Calls not tried because the service had failed too often.",
      &statistics::refused_by_breaker);
  return shown;
}

}  // namespace mamey::inline v1::http
