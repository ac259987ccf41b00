#pragma once

/// @file
/// A transport that does what a test says: hands over deliveries, ends its consumers, refuses declarations.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <mamey/messaging/transport.hpp>

namespace mamey::testing {

class scripted_transport final : public transport {
 public:
  std::function<void(const topology&)> on_declare;
  int consumers = 0;  ///< so far
  int acknowledged = 0, given_back = 0;
  bool confirms = true;  ///< else every message ends as a fault of the broker

  void deliver(const std::string& id, bool redelivered = false) {
    auto message = std::make_shared<envelope>();
    message->id = id;
    delivery next;
    next.message = std::move(message);
    next.redelivered = redelivered;
    next.settle = std::make_unique<counting_settlement>(*this);
    deliver_(std::move(next));
  }
  /// As when the channel is lost: what is unsettled will come again.
  void end_consumer() { changed_(consumer_state::closed, "the channel is gone"); }

  const transport_features& features() const noexcept override { return features_; }
  void declare(const topology& wanted) override {
    if (on_declare) on_declare(wanted);
  }
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override {
    changed(channel_state::ready, {});
    return std::make_unique<confirming_channel>(*this, std::move(done));
  }
  std::unique_ptr<consumer> subscribe(const queue_options&, delivery_callback deliver, consumer_state_callback changed) override {
    ++consumers;
    deliver_ = std::move(deliver);
    changed_ = std::move(changed);
    return std::make_unique<silent_consumer>();
  }
  void check() override {}

 private:
  struct confirming_channel final : outgoing_channel {
    confirming_channel(scripted_transport& in, publish_callback told) : of(in), done(std::move(told)) {}
    void publish(std::span<const outgoing_message> messages) override {
      for (const auto& each : messages)
        done(each.tag,
             of.confirms ? publish_outcome{} : publish_outcome{.result = publish_result::broker_fault, .reason = "the broker is away"});
    }
    void reset() override {}
    scripted_transport& of;
    publish_callback done;
  };
  struct silent_consumer final : consumer {
    void cancel() override {}
    void close() override {}
  };
  struct counting_settlement final : settlement {
    explicit counting_settlement(scripted_transport& in) : of(in) {}
    void acknowledge() noexcept override { ++of.acknowledged; }
    void give_back(std::chrono::milliseconds, start_counting) noexcept override { ++of.given_back; }
    scripted_transport& of;
  };

  transport_features features_{.name = "scripted"};
  delivery_callback deliver_;
  consumer_state_callback changed_;
};

}  // namespace mamey::testing
