#pragma once

/// @file
/// The tables of durable queues. All run inside the writer's transaction except the reads.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/queue.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

std::optional<std::int64_t> find_queue(connection& on, const std::string& name);
std::int64_t declare_queue(connection& on, const std::string& name);
void bind_queue(connection& on, std::int64_t queue, const std::string& exchange, const std::string& routing_key);
void unbind_queue(connection& on, std::int64_t queue, const std::string& exchange, const std::string& routing_key);

/// Number of queues the message went to.
int publish_message(connection& on, const queue_publication& what, std::int64_t now_ms);
void put_message(connection& on, std::int64_t queue, const queue_publication& what, std::int64_t delay_ms, std::int64_t now_ms);

/// Whether a take could find something; a read.
bool has_visible(connection& on, const std::string& queue, std::int64_t now_ms);
durable_queues::taken take_messages(connection& on, std::int64_t queue, std::size_t most, std::int64_t lease_ms, bool ordered,
                                    std::int64_t now_ms);
void remove_messages(connection& on, std::span<const std::int64_t> sequences);
std::size_t give_back_messages(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t delay_ms,
                               bool counted, std::int64_t now_ms);
std::size_t renew_messages(connection& on, const std::string& token, std::span<const std::int64_t> sequences, std::int64_t lease_ms,
                           std::int64_t now_ms);
std::int64_t queue_depth(connection& on, const std::string& queue);

}  // namespace mamey::inline v1::sqlite_detail
