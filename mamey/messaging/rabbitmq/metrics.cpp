#include <mamey/messaging/rabbitmq/metrics.hpp>

#include <string_view>

#include <mamey/messaging/rabbitmq/transport.hpp>

namespace mamey::inline v1 {

std::vector<metrics::registration> show_rabbitmq(metrics::registry& in, const rabbitmq_transport& through) {
  std::vector<metrics::registration> shown;
  const auto sample = [&](metrics::sample_kind kind, std::string_view name, std::string_view help, auto read) {
    shown.push_back(in.collect(kind, name, help, [&through, read] { return static_cast<double>(read(through.statistics())); }));
  };
  using enum metrics::sample_kind;
  using seen = rabbitmq_statistics;
  sample(gauge, "mamey_rabbitmq_connections", "Open connections to RabbitMQ, of two.",
         [](const seen& s) { return int{s.publishing} + int{s.consuming}; });
  sample(gauge, "mamey_rabbitmq_blocked", "1 while the broker takes no messages.", [](const seen& s) { return int{s.blocked}; });
  sample(counter, "mamey_rabbitmq_connects_total", "Connections opened.", [](const seen& s) { return s.connects; });
  sample(counter, "mamey_rabbitmq_published_total", "Messages sent to the broker.", [](const seen& s) { return s.published; });
  sample(counter, "mamey_rabbitmq_confirmed_total", "Messages the broker confirmed.", [](const seen& s) { return s.confirmed; });
  sample(counter, "mamey_rabbitmq_returned_total", "Messages no queue was bound to.", [](const seen& s) { return s.returned; });
  sample(counter, "mamey_rabbitmq_refused_total", "Messages refused for what they are.", [](const seen& s) { return s.refused; });
  sample(counter, "mamey_rabbitmq_faults_total", "Messages not confirmed for a fault of the broker or the connection.",
         [](const seen& s) { return s.faults; });
  sample(counter, "mamey_rabbitmq_delivered_total", "Messages received.", [](const seen& s) { return s.delivered; });
  sample(counter, "mamey_rabbitmq_given_back_total", "Messages put back into their queue.", [](const seen& s) { return s.given_back; });
  sample(counter, "mamey_rabbitmq_delayed_total", "Messages put into a delay queue.", [](const seen& s) { return s.delayed; });
  sample(counter, "mamey_rabbitmq_too_large_total", "Messages received that were above maxMessageBytes.",
         [](const seen& s) { return s.too_large; });
  sample(counter, "mamey_rabbitmq_stale_settlements_total", "Settlements dropped because their channel was gone.",
         [](const seen& s) { return s.stale_settlements; });
  return shown;
}

}  // namespace mamey::inline v1
