#include <mamey/persistence/sqlite/metrics.hpp>

#include <string_view>

namespace mamey::inline v1 {

std::vector<metrics::registration> show_sqlite(metrics::registry& in, const std::function<sqlite_statistics()>& read) {
  using metrics::sample_kind;
  std::vector<metrics::registration> shown;
  const auto add = [&](sample_kind kind, std::string_view name, std::string_view help, auto number) {
    shown.push_back(in.collect(kind, name, help, [read, number] { return static_cast<double>(read().*number); }));
  };
  add(sample_kind::counter, "mamey_sqlite_groups_total", "Transactions that units of work shared.", &sqlite_statistics::groups);
  add(sample_kind::counter, "mamey_sqlite_members_total", "Units of work in them; by groups: the mean group.", &sqlite_statistics::members);
  add(sample_kind::counter, "mamey_sqlite_failed_total", "Units of work that were refused.", &sqlite_statistics::failed);
  add(sample_kind::counter, "mamey_sqlite_replays_total", "Groups that lost their transaction and were applied one by one.",
      &sqlite_statistics::replays);
  add(sample_kind::counter, "mamey_sqlite_syncs_total", "Times the log was made durable.", &sqlite_statistics::syncs);
  add(sample_kind::gauge, "mamey_sqlite_queued", "Units of work waiting for the writer.", &sqlite_statistics::queued);
  return shown;
}

}  // namespace mamey::inline v1
