#pragma once

/// @file
/// Pending outbox rows by the thousand, and an application that does nothing but relay them.

#include <string>
#include <string_view>

#include <mamey/messaging/message_endpoint.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

#include "tests/support/postgres_server.hpp"

namespace bench {

inline constexpr int body_bytes = 256;
inline constexpr const char* schema = "bench";

/// Inserts rows with bodies of 256 B and vacuums, as a database does that has been up for a while.
inline void fill_outbox(const mamey::testing::postgres_server& server, int rows) {
  server.execute(
      "insert into bench.mamey_outbox (created_at_ms, message_id, correlation_id, causation_id, type, version, min_version, source, "
      "occurred_at_us, key, stream, position, tenant, "
      "content_type, traceparent, principal, headers, body, exchange, routing_key) "
      "select bench.mamey_now_ms(), md5(n::text || clock_timestamp()), '0191d7d1c0a07000a0000000000000cc', '', 'OrderCreated', 1, 1, "
      "'orders', 1700000000000000, '', '', 0, '', 'application/json', "
      "'00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '', '', convert_to(repeat('x', " +
      std::to_string(body_bytes) + "), 'UTF8'), 'bench', 'order_created' from generate_series(1, " + std::to_string(rows) + ") n");
  server.execute("vacuum analyze bench.mamey_outbox");
}

inline mamey::topology queue_for_all() {
  return {.exchanges = {{.name = "bench"}},
          .queues = {{.name = "bench"}},
          .bindings = {{.queue = "bench", .exchange = "bench", .routing_key = "order_created"}}};
}

inline mamey::message_endpoint_parts relaying(mamey::runtime& loops, mamey::store& store, mamey::transport& through,
                                              mamey::outbox_options outbox = {}) {
  mamey::message_endpoint_parts parts;
  parts.service = "bench";
  parts.module_store = &store;
  parts.through = &through;
  parts.outbox = std::move(outbox);
  parts.system_loop = &loops.system_loop();
  parts.workers = {&loops.loop(0)};
  return parts;
}

inline void purge(auto& node) {
  node.evaluate("{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"bench\">>)), rabbit_amqqueue:purge(Q).");
}

}  // namespace bench
