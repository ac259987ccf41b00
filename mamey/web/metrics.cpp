#include <mamey/web/metrics.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

#include <mamey/web/server.hpp>

namespace mamey::inline v1::web {

using metrics::sample_kind;

std::vector<metrics::registration> show_server(metrics::registry& in, const http_server& server) {
  using statistics = server_statistics;
  std::vector<metrics::registration> shown;
  const auto add = [&](sample_kind kind, std::string_view name, std::string_view help, std::uint64_t statistics::* number) {
    shown.push_back(in.collect(kind, name, help, [&server, number] { return static_cast<double>(server.read_statistics().*number); }));
  };
  add(sample_kind::counter, "mamey_http_connections_total", "Connections accepted.", &statistics::connections_accepted);
  add(sample_kind::gauge, "mamey_http_connections", "Connections open.", &statistics::connections_open);
  add(sample_kind::gauge, "mamey_http_in_flight", "Requests whose handlers run.", &statistics::in_flight);
  add(sample_kind::gauge, "mamey_http_answers_waiting", "Answers that wait for their clients to read them.", &statistics::answers_waiting);
  add(sample_kind::gauge, "mamey_http_buffered_bytes", "Held for requests that arrive in parts and for answers that wait.",
      &statistics::buffered_bytes);
  add(sample_kind::counter, "mamey_http_refused_total", "Requests malformed or over a limit.", &statistics::refused);
  add(sample_kind::counter, "mamey_http_shed_total", "Requests answered 503 for want of room.", &statistics::shed);
  add(sample_kind::counter, "mamey_http_timed_out_total", "Connections closed because the client was too slow.", &statistics::timed_out);
  return shown;
}

metrics::registration show_certificate(metrics::registry& in, std::function<std::optional<std::chrono::sys_seconds>()> expires) {
  return in.collect(sample_kind::gauge, "mamey_http_certificate_expiry_seconds",
                    "Until the certificate of the https addresses expires; negative: since then.", [expires = std::move(expires)] {
                      return std::chrono::duration<double>(expires().value_or(std::chrono::sys_seconds{}) - wall_now()).count();
                    });
}

}  // namespace mamey::inline v1::web
