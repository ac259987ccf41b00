#pragma once

/// @file
/// For the framework.
/// A transport that keeps published messages and delivers the messages of a test.

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::testing {

class recording_transport final : public transport {
 public:
  const transport_features& features() const noexcept override;
  void declare(const topology& wanted) override;
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override;
  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) override;
  void check() override {}

  const std::vector<envelope>& published() const noexcept { return published_; }
  void keep(const envelope& message) { published_.push_back(message); }

  /// Whether a queue is bound for it.
  bool has_queue_for(const envelope& message) const;

  /// Delivers to every queue that is bound to the message's exchange and routing key; returns the number of queues. `settled` is called
  /// once per queue, with the delay after which the message comes again; a negative delay means acknowledged.
  std::size_t deliver(const envelope& message, bool redelivered, std::function<void(std::chrono::milliseconds)> settled);

 private:
  std::set<std::array<std::string, 3>> bindings_;       ///< exchange, routing key, queue
  std::map<std::string, delivery_callback> consumers_;  ///< by queue
  std::vector<envelope> published_;
};

}  // namespace mamey::inline v1::testing
