#include <mamey/messaging/rabbitmq/transport.hpp>

#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/messaging/rabbitmq/detail/link.hpp>
#include <mamey/messaging/rabbitmq/detail/publisher.hpp>
#include <mamey/messaging/rabbitmq/detail/set_aside.hpp>
#include <mamey/messaging/rabbitmq/detail/subscriber.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>

namespace mamey::inline v1 {

namespace {

using namespace rabbitmq_detail;

constexpr transport_features rabbitmq_features{.name = "rabbitMq",
                                               .persistent = true,
                                               .several_processes = true,
                                               .ordered_by_key = true,
                                               .keeps_place = true,
                                               .holds_places = true,
                                               .counts_starts = false,
                                               .delayed_give_back = true,
                                               .competing_consumers = true,
                                               .reports_unroutable = true,
                                               .confirms_after_handling = false};

class amqp_channel final : public outgoing_channel {
 public:
  explicit amqp_channel(std::shared_ptr<publisher> through) : through_(std::move(through)) {}
  ~amqp_channel() override { through_->close(); }
  void publish(std::span<const outgoing_message> messages) override { through_->publish(messages); }
  void reset() override { through_->reset(); }

 private:
  std::shared_ptr<publisher> through_;
};

class amqp_consumer final : public consumer {
 public:
  explicit amqp_consumer(std::shared_ptr<subscriber> running) : running_(std::move(running)) {}
  ~amqp_consumer() override { close(); }
  void cancel() override { running_->cancel(); }
  void close() override {
    if (!std::exchange(closed_, true)) running_->close();
  }

 private:
  std::shared_ptr<subscriber> running_;
  bool closed_ = false;
};

rabbitmq_options checked(rabbitmq_options options) {
  std::vector<violation> found;
  for (auto& each : problems_of(options))
    found.push_back({.path = "rabbitMq", .code = "invalid", .message = "rabbitMq." + std::move(each)});
  if (!found.empty()) throw validation_error(std::move(found), "invalid_rabbitmq");
  return options;
}

std::optional<tls_context> tls_of(const rabbitmq_options::broker_ssl& ssl) {
  if (!ssl.enabled) return std::nullopt;
  return tls_context::for_clients({.ca_file = ssl.ca_certificate_path,
                                   .certificate_file = ssl.certificate_path,
                                   .key_file = ssl.key_path,
                                   .password = ssl.certificate_password,
                                   .verify = ssl.x509_ignored_statuses.empty() ? tls_verify::required : tls_verify::none});
}

wire_format format_of(const rabbitmq_options& options) {
  const auto named = [](const std::string& given, const char* otherwise) {
    return given.find_first_not_of(" \t") == std::string::npos ? std::string(otherwise) : given;
  };
  return {.span_context_header = named(options.span_context_header, "span_context"),
          .with_context = options.context.enabled,
          .context_header = named(options.context.header, "message_context"),
          .trusted_exchanges = options.trust_unsigned_from,
          .signatures = options.identity.key_id.empty()
                            ? nullptr
                            : std::make_shared<const user_signatures>(options.identity.key_id, options.identity.secrets)};
}

}  // namespace

struct rabbitmq_transport::state {
  state(event_loop& loop, rabbitmq_options with, const std::string& application)
      : options(checked(std::move(with))), format(format_of(options)) {
    const auto& name = options.connection_name.empty() ? application : options.connection_name;
    const auto tls = tls_of(options.ssl);
    producing = std::make_shared<broker_link>(loop, link_settings{.options = options, .name = name + "_producer", .tls = tls});
    consuming = std::make_shared<broker_link>(loop, link_settings{.options = options, .name = name + "_consumer", .tls = tls});
    topology_known = std::make_shared<topology_keeper>(options);
    aside = std::make_shared<set_aside>(producing, topology_known, format, options, counted);
    producing->start();
    consuming->start();
    topology_known->keep_up(consuming);
  }
  ~state() {
    const auto grace = std::chrono::seconds(5);
    aside->close();
    producing->stop(grace);
    consuming->stop(grace);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  const rabbitmq_options options;
  const wire_format format;
  std::shared_ptr<counters> counted = std::make_shared<counters>();
  std::shared_ptr<starts> known_starts = std::make_shared<starts>();
  std::shared_ptr<topology_keeper> topology_known;
  std::shared_ptr<broker_link> producing, consuming;
  std::shared_ptr<set_aside> aside;  ///< of modules without a store
};

rabbitmq_transport::rabbitmq_transport(event_loop& loop, rabbitmq_options options, const std::string& application)
    : state_(std::make_unique<state>(loop, std::move(options), application)) {}

rabbitmq_transport::~rabbitmq_transport() = default;

const transport_features& rabbitmq_transport::features() const noexcept { return rabbitmq_features; }

void rabbitmq_transport::declare(const topology& wanted) { state_->topology_known->declare(*state_->consuming, wanted); }

std::unique_ptr<outgoing_channel> rabbitmq_transport::open_channel(publish_callback done, channel_state_callback changed) {
  auto made = std::make_shared<publisher>(state_->producing, state_->topology_known, state_->format, state_->options, state_->counted,
                                          std::move(done), std::move(changed));
  made->start();
  return std::make_unique<amqp_channel>(std::move(made));
}

std::unique_ptr<consumer> rabbitmq_transport::subscribe(const queue_options& options, delivery_callback deliver,
                                                        consumer_state_callback changed) {
  auto started = std::make_shared<subscriber>(state_->consuming, state_->format, state_->options, options, state_->counted,
                                              state_->known_starts, state_->aside, std::move(deliver), std::move(changed));
  started->start();
  return std::make_unique<amqp_consumer>(std::move(started));
}

void rabbitmq_transport::check() {
  const auto now = statistics();
  if (!now.trouble.empty()) throw unavailable("rabbitmq_unavailable", "{}", now.trouble);
}

rabbitmq_statistics rabbitmq_transport::statistics() const {
  const auto& mine = *state_;
  const auto& count = *mine.counted;
  rabbitmq_statistics now{.publishing = mine.producing->is_open(),
                          .consuming = mine.consuming->is_open(),
                          .blocked = mine.producing->is_blocked(),
                          .trouble = {},
                          .connects = mine.producing->connects() + mine.consuming->connects(),
                          .published = count.published,
                          .confirmed = count.confirmed,
                          .returned = count.returned,
                          .refused = count.refused,
                          .faults = count.faults,
                          .delivered = count.delivered,
                          .acknowledged = count.acknowledged,
                          .given_back = count.given_back,
                          .delayed = count.delayed,
                          .stale_settlements = count.stale_settlements,
                          .too_large = count.too_large,
                          .too_large_kept = count.too_large_kept};
  if (!now.publishing)
    now.trouble = "no connection to publish: " + mine.producing->trouble();
  else if (!now.consuming)
    now.trouble = "no connection to consume: " + mine.consuming->trouble();
  else if (now.blocked)
    now.trouble = "the broker takes no messages for now (an alarm)";
  else
    now.trouble = mine.topology_known->trouble();
  return now;
}

}  // namespace mamey::inline v1
