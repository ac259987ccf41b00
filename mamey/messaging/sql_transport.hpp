#pragma once

/// @file
/// For the framework.
/// Messages between processes that share a database, through durable queues in it. Confirmed means committed there.

#include <chrono>
#include <memory>

#include <mamey/messaging/queue.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

class event_loop;

struct sql_transport_options {
  std::chrono::milliseconds shortest_poll{20};
  std::chrono::milliseconds longest_poll{
      1'000};               ///< time between two checks for messages of other processes, where the database does not wake us
  std::size_t batch = 256;  ///< maximum number of messages per commit
};

class sql_transport final : public transport {
 public:
  /// `queues` and `loop` (the system loop: database work runs in fibers there) outlive the transport.
  sql_transport(durable_queues& queues, event_loop& loop, sql_transport_options options = {});
  ~sql_transport() override;  ///< channels and consumers must have ended

  const transport_features& features() const noexcept override;
  void declare(const topology& wanted) override;
  std::unique_ptr<outgoing_channel> open_channel(publish_callback done, channel_state_callback changed) override;
  std::unique_ptr<consumer> subscribe(const queue_options& options, delivery_callback deliver, consumer_state_callback changed) override;
  void check() override;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
