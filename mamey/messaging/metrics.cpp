#include <mamey/messaging/metrics.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace mamey::inline v1 {

metrics::registration show_pending(metrics::registry& in, std::function<double()> read) {
  return in.collect(metrics::sample_kind::gauge, "mamey_outbox_pending", "Messages committed and not yet confirmed.", std::move(read));
}

std::vector<metrics::registration> show_messaging(metrics::registry& in, std::function<messaging_statistics()> read) {
  std::vector<metrics::registration> shown;
  const auto now = std::make_shared<const std::function<messaging_statistics()>>(std::move(read));
  const auto gauge = [&](std::string_view name, std::string_view help, auto number) {
    shown.push_back(in.collect(metrics::sample_kind::gauge, name, help, [now, number] { return static_cast<double>(number((*now)())); }));
  };
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t relay_counts::* number) {
    shown.push_back(in.collect(metrics::sample_kind::counter, name, help,
                               [now, number] { return static_cast<double>((*now)().outbox.counts.*number); }));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto number) {
    shown.push_back(
        in.collect(metrics::sample_kind::counter, name, help, {"subscription"}, [now, number](const metrics::sample_sink& sample) {
          for (const auto& each : (*now)().subscriptions) sample({each.name}, static_cast<double>(number(each)));
        }));
  };
  shown.push_back(show_pending(in, [now] { return static_cast<double>((*now)().backlog.pending); }));
  gauge("mamey_outbox_parked", "Messages that the transport refused too often.",
        [](const messaging_statistics& s) { return s.backlog.parked; });
  gauge("mamey_outbox_unroutable", "Events nobody was bound to.", [](const messaging_statistics& s) { return s.backlog.unroutable; });
  gauge("mamey_outbox_oldest_seconds", "Age of the oldest pending message.",
        [](const messaging_statistics& s) { return static_cast<double>(s.backlog.oldest_age.count()) / 1000; });
  total("mamey_outbox_sent_total", "Messages the transport has confirmed.", &relay_counts::confirmed);
  total("mamey_outbox_attempts_total", "Messages handed to the transport, repeats included.", &relay_counts::sent);
  total("mamey_outbox_refused_total", "Attempts the transport refused for the message's sake.", &relay_counts::refused);
  gauge("mamey_errors", "Messages in the error store.", [](const messaging_statistics& s) { return s.errors; });
  counter("mamey_messages_attempts_total", "Handler runs begun.", [](const subscription_statistics& s) { return s.attempts; });
  counter("mamey_messages_handled_total", "Handler runs that committed.", [](const subscription_statistics& s) { return s.handled; });
  counter("mamey_messages_duplicate_total",
          "Messages that came again and were not handled again: their handler did not run, or (raced, or messaging:lookBeforeHandling is "
          "false) its effects in the database were not applied.",
          [](const subscription_statistics& s) { return s.duplicates; });
  counter("mamey_messages_retried_total", "Retries, immediate and delayed.",
          [](const subscription_statistics& s) { return s.immediate_retries + s.delayed; });
  counter("mamey_messages_failed_total", "Messages that went to the error store.",
          [](const subscription_statistics& s) { return s.failed; });
  counter("mamey_messages_parked_total", "Of the failed, those not run again: started too often without an outcome.",
          [](const subscription_statistics& s) { return s.parked_unrun; });
  counter("mamey_messages_lost_total", "Messages that failed permanently where there is no store to keep them.",
          [](const subscription_statistics& s) { return s.lost; });
  counter("mamey_messages_discarded_total", "Messages that failed and were discarded, as a rule for failures asks for.",
          [](const subscription_statistics& s) { return s.discarded; });
  shown.push_back(in.collect(metrics::sample_kind::gauge, "mamey_subscription_paused",
                             "1 while a failure has paused the subscription, else 0.", {"subscription"},
                             [now](const metrics::sample_sink& sample) {
                               for (const auto& each : (*now)().subscriptions)
                                 sample({each.name}, each.state == subscription_state::paused ? 1 : 0);
                             }));
  counter("mamey_messages_busy_total", "Deliveries put back because the message was being handled elsewhere.",
          [](const subscription_statistics& s) { return s.busy; });
  counter("mamey_messages_without_id_total", "Messages without an id: they cannot be deduplicated.",
          [](const subscription_statistics& s) { return s.without_id; });
  return shown;
}

}  // namespace mamey::inline v1
