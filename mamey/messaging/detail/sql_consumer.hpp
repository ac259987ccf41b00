#pragma once

/// @file
/// Consumes one durable queue: takes messages under a lease, renews it while they are handled, settles them in batches.

#include <functional>
#include <memory>

#include <mamey/messaging/queue.hpp>
#include <mamey/messaging/sql_transport.hpp>

namespace mamey::inline v1::detail {

/// Called when a queue may have a new message. Any thread.
class sql_consumer_base : public consumer {
 public:
  virtual void wake() noexcept = 0;
};

/// `closed` is called when the consumer has let go, before it is destroyed.
std::unique_ptr<sql_consumer_base> start_sql_consumer(durable_queues& queues, event_loop& loop, const sql_transport_options& how,
                                                      const queue_options& options, delivery_callback deliver,
                                                      std::function<void(sql_consumer_base*)> closed);

}  // namespace mamey::inline v1::detail
