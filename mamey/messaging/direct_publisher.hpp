#pragma once

/// @file
/// The way out for modules without a store, hence without an outbox.

#include <chrono>
#include <memory>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

class event_loop;

/// Hands messages to the transport at once and waits until it has them. Atomic with nothing: when the process dies or `publish` throws, some of them, all or
/// none are on their way. Thread-safe.
class direct_publisher {
 public:
  /// References outlive the publisher; `loop` is the transport's.
  direct_publisher(transport& through, event_loop& loop, std::chrono::milliseconds confirm_timeout);
  ~direct_publisher();
  direct_publisher(const direct_publisher&) = delete;
  direct_publisher& operator=(const direct_publisher&) = delete;

  /// Suspends until each is confirmed. On a transport that confirms what has been handled (in-process) it suspends until they are in their queues: a handler that
  /// waited for the handlers of its messages could come to wait for itself. An event nobody is bound to is dropped, as publish/subscribe has it.
  /// Throws `unavailable`: the transport is away, refused a message, did not confirm in time, or no queue takes a command.
  void publish(std::vector<envelope> messages);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
