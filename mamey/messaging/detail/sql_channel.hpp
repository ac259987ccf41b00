#pragma once

/// @file
/// One publisher's way into the durable queues: batches what arrives while a commit runs.

#include <memory>

#include <mamey/messaging/queue.hpp>
#include <mamey/messaging/sql_transport.hpp>

namespace mamey::inline v1::detail {

std::unique_ptr<outgoing_channel> open_sql_channel(durable_queues& queues, event_loop& loop, const sql_transport_options& options,
                                                   publish_callback done);

}  // namespace mamey::inline v1::detail
