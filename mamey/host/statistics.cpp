#include <mamey/host/detail/statistics.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include <mamey/http/client.hpp>
#include <mamey/runtime/runtime.hpp>
#include <mamey/web/server.hpp>

namespace mamey::inline v1 {
namespace {

using metrics::sample_kind;

/// Each loop under its number; the one without user handlers is `system`.
void for_each_loop(runtime& loops, const std::function<void(const std::string&, event_loop&)>& tell) {
  for (std::size_t i = 0; i < loops.loops(); ++i) tell(std::to_string(i), loops.loop(i));
  tell("system", loops.system_loop());
}

/// One number of some statistics as a metric.
template <class Source, class Statistics>
metrics::registration show(metrics::registry& in, sample_kind kind, std::string_view name, std::string_view help, const Source& source,
                           std::uint64_t Statistics::* number) {
  return in.collect(kind, name, help, [&source, number] { return static_cast<double>(source.read_statistics().*number); });
}

}  // namespace

std::vector<metrics::registration> show_loops(metrics::registry& in, runtime& loops) {
  std::vector<metrics::registration> shown;
  shown.push_back(in.collect(sample_kind::gauge, "mamey_loop_lag_seconds", "Longest a loop kept others waiting since the last scrape.",
                             {"loop"}, [&loops](const metrics::sample_sink& sink) {
                               for_each_loop(loops, [&](const std::string& name, event_loop& loop) {
                                 sink({name}, std::chrono::duration<double>(loop.read_statistics().worst_lag).count());
                               });
                             }));
  shown.push_back(in.collect(sample_kind::gauge, "mamey_fibers", "Fibers alive.", {"loop"}, [&loops](const metrics::sample_sink& sink) {
    for_each_loop(loops, [&](const std::string& name, event_loop& loop) { sink({name}, static_cast<double>(loop.fibers_alive())); });
  }));
  shown.push_back(in.collect(sample_kind::counter, "mamey_loop_stalls_total", "How often a loop ran one thing for runtime:stallWarning.",
                             {"loop"}, [&loops](const metrics::sample_sink& sink) {
                               for_each_loop(loops, [&](const std::string& name, event_loop& loop) {
                                 sink({name}, static_cast<double>(loop.stalls()));
                               });
                             }));
  return shown;
}

std::vector<metrics::registration> show_server(metrics::registry& in, const web::http_server& server) {
  using statistics = web::server_statistics;
  std::vector<metrics::registration> shown;
  const auto add = [&](sample_kind kind, std::string_view name, std::string_view help, std::uint64_t statistics::* number) {
    shown.push_back(show(in, kind, name, help, server, number));
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

std::vector<metrics::registration> show_client(metrics::registry& in, const http::client& client) {
  using statistics = http::client::statistics;
  std::vector<metrics::registration> shown;
  const auto add = [&](std::string_view name, std::string_view help, std::uint64_t statistics::* number) {
    shown.push_back(show(in, sample_kind::counter, name, help, client, number));
  };
  add("mamey_http_client_requests_total", "Calls to other services.", &statistics::requests);
  add("mamey_http_client_tries_total", "Tries of those calls; more than calls are retries.", &statistics::tries);
  add("mamey_http_client_connections_opened_total", "Connections made.", &statistics::connections_opened);
  add("mamey_http_client_connections_reused_total", "Calls that found one in the pool.", &statistics::connections_reused);
  add("mamey_http_client_refused_by_breaker_total", "Calls not tried because the service had failed too often.",
      &statistics::refused_by_breaker);
  return shown;
}

}  // namespace mamey::inline v1
