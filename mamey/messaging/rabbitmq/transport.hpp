#pragma once

/// @file
/// For the framework.
/// RabbitMQ as a transport: two connections on one loop, one to publish and one to consume. They reconnect automatically. A broker that is
/// away is no error of the application: channels show `down`; declares and subscriptions throw `unavailable`, and their owners try again.

#include <cstdint>
#include <memory>
#include <string>

#include <mamey/messaging/rabbitmq/options.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

class event_loop;

/// Since the start, unless said otherwise.
struct rabbitmq_statistics {
  bool publishing = false, consuming = false;  ///< whether each connection is open now
  bool blocked = false;                        ///< the broker takes no publishes now
  std::string trouble;                         ///< why a connection is missing or blocked; empty when all is well
  std::uint64_t connects = 0;                  ///< of both
  std::uint64_t published = 0, confirmed = 0, returned = 0, refused = 0, faults = 0;
  std::uint64_t delivered = 0, acknowledged = 0, given_back = 0, delayed = 0;
  std::uint64_t stale_settlements = 0;  ///< of a channel that was gone
  std::uint64_t too_large = 0;          ///< received that were above `maxMessageBytes`
  std::uint64_t too_large_kept = 0;     ///< of these, now: they stay in their queues
};

class rabbitmq_transport final : public transport {
 public:
  /// Connects in the background, on `loop` (the system loop), which must outlive it. `application` names the connections where the options
  /// do not. Throws `validation_error` with every problem of the options, and std::runtime_error for certificates that cannot be read.
  rabbitmq_transport(event_loop& loop, rabbitmq_options options, const std::string& application);
  ~rabbitmq_transport() override;

  const transport_features& features() const noexcept override;
  void declare(const topology& wanted) override;
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override;
  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) override;
  void check() override;

  rabbitmq_statistics statistics() const;  ///< any thread; never suspends

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
