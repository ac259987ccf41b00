#pragma once

/// @file
/// The rows of durable queues.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/queue.hpp>
#include <mamey/persistence/postgres/detail/outbox.hpp>
#include <mamey/persistence/postgres/detail/statement.hpp>

namespace mamey::inline v1::postgres_detail {

/// Said once to a session: a queue is empty now and a million rows long a minute later, so no plan may depend on what statistics saw of it. Every
/// statement here has its index. (A plan that cannot avoid a sort is priced so high that it would be compiled: no JIT either.)
step queue_plans();

step declare_queue(const std::string& name);
step bind_queue(const std::string& queue, const std::string& exchange, const std::string& routing_key);
step unbind_queue(const std::string& queue, const std::string& exchange, const std::string& routing_key);

/// One copy a bound queue: as many rows change. Keyed ones behind `lock_keys`, as rows of the outbox.
step publish_message(const queue_publication& what);
step put_message(const std::string& queue, const envelope& message, std::int64_t delay_ms);

/// One statement: takes messages that are due and free under `token`. Ordered takes have two ways to find heads, as claims of the outbox have.
step take_messages(const std::string& queue, const std::string& token, std::size_t most, std::int64_t lease_ms, search how);
/// Whether there are messages that `search::first_rows` has not looked at.
step are_messages_beyond_the_first(const std::string& queue);
std::vector<queued_message> read_taken(const rows& found);

step remove_messages(std::span<const std::int64_t> sequences);
step give_back_messages(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t delay_ms, bool counted);
step renew_messages(const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms);
step queue_depth(const std::string& queue);
/// Grows with every message of any queue.
step last_sequence();

}  // namespace mamey::inline v1::postgres_detail
