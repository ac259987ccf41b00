#pragma once

/// @file
/// For the framework.
/// Messages between the modules of one process. Nothing is stored here: a message is confirmed when every subscription has settled it (its
/// handler's transaction is committed, or its delayed-retry or error row is durable), so the publisher's outbox row survives a
/// crash.

#include <memory>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

class event_loop;
namespace detail {
class in_process_bus;
}

/// One object shared by all applications of a host. Bindings live as long as the object: declare the bindings of every application
/// before the first relay runs. Otherwise an event that is published meanwhile counts as unroutable.
class in_process_transport final : public transport {
 public:
  /// Its bookkeeping runs as callbacks on `loop` (the system loop), which must outlive it.
  explicit in_process_transport(event_loop& loop);
  ~in_process_transport() override;

  const transport_features& features() const noexcept override;
  void declare(const topology& wanted) override;
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override;
  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) override;
  void check() override {}

 private:
  std::shared_ptr<detail::in_process_bus> bus_;
};

}  // namespace mamey::inline v1
