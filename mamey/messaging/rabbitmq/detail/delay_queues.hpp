#pragma once

/// @file
/// Messages that wait at the broker: one queue for each fixed wait of a queue (a time to live of each message would hold up those behind it),
/// from which an expired message returns to its queue and to no other. Pure.

#include <chrono>
#include <optional>
#include <span>
#include <string>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>

namespace mamey::inline v1::rabbitmq_detail {

std::string delay_queue_of(const std::string& queue, std::chrono::milliseconds wait);
queue_request delay_queue_request(const std::string& queue, std::chrono::milliseconds wait);

/// The longest of `waits` that is no longer than `wished`, else the shortest; none of none, and none for no wait at all.
std::optional<std::chrono::milliseconds> fixed_wait(std::span<const std::chrono::milliseconds> waits, std::chrono::milliseconds wished);

/// `message` as it waits in `delay_queue`: it remembers where it came from, and how often it was started.
envelope as_waiting(envelope message, const std::string& delay_queue, int starts);

/// Takes from a message that the broker delivered what `as_waiting` put there. One that came back through the default exchange is again of
/// the exchange and routing key it was published to; in others such headers are somebody's copies and only dropped. Returns the exchange it
/// was first published to as the headers say, empty when they count for nothing.
std::string take_first_exchange(envelope& delivered);
int take_starts(envelope& delivered);  ///< after the former

}  // namespace mamey::inline v1::rabbitmq_detail
