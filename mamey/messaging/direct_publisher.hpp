#pragma once

/// @file
/// For the framework.
/// Publishes for modules without a store, which have no outbox.

#include <chrono>
#include <memory>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

class event_loop;

/// Hands messages to the transport at once and waits until the transport has them. There is no transaction: when the process dies or
/// `publish` throws, some, all or none of the messages have been sent. Thread-safe.
class direct_publisher {
 public:
  /// References outlive the publisher; `loop` is the transport's.
  direct_publisher(transport& through, event_loop& loop, std::chrono::milliseconds confirm_timeout);
  ~direct_publisher();
  direct_publisher(const direct_publisher&) = delete;
  direct_publisher& operator=(const direct_publisher&) = delete;

  /// Suspends until each message is confirmed. The in-process transport confirms after handling; there it suspends until the messages are
  /// in their queues, because a handler that waits for the handlers of its messages could wait for itself. An event to which no queue is
  /// bound is dropped. Throws `unavailable`: the transport is away, refused a message, did not confirm in time, or no queue takes a
  /// command.
  void publish(std::vector<envelope> messages);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
