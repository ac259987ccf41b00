#include <mamey/persistence/postgres/detail/metrics.hpp>

#include <string_view>
#include <utility>

namespace mamey::inline v1::postgres_detail {

std::vector<metrics::registration> show_pools(metrics::registry& in, std::vector<const pool*> pools) {
  using metrics::sample_kind;
  std::vector<metrics::registration> shown;
  const auto add = [&](sample_kind kind, std::string_view name, std::string_view help, auto number) {
    shown.push_back(in.collect(kind, name, help, {"pool"}, [pools, number](const metrics::sample_sink& sink) {
      for (const auto* each : pools) {
        postgres_statistics own;
        each->add_to(own);
        sink({each->kind()}, static_cast<double>(own.*number));
      }
    }));
  };
  add(sample_kind::counter, "mamey_postgres_connections_opened_total", "Connections made.", &postgres_statistics::opened);
  add(sample_kind::counter, "mamey_postgres_connections_lost_total", "Connections that broke.", &postgres_statistics::lost);
  add(sample_kind::counter, "mamey_postgres_connections_refused_total", "Tries to connect that failed.", &postgres_statistics::refused);
  add(sample_kind::gauge, "mamey_postgres_connections", "Connections open.", &postgres_statistics::open);
  add(sample_kind::gauge, "mamey_postgres_waiting", "Callers waiting for a connection.", &postgres_statistics::waiting);
  return shown;
}

metrics::registration show_retries(metrics::registry& in, const std::atomic<std::uint64_t>& retried) {
  return in.collect(metrics::sample_kind::counter, "mamey_postgres_retried_total",
                    "Units of work applied again after a deadlock or serialization failure.",
                    [&retried] { return static_cast<double>(retried.load()); });
}

}  // namespace mamey::inline v1::postgres_detail
