#pragma once

/// @file
/// For the framework.
/// Several subscriptions of one application on one queue: which of them a message is for.

#include <span>
#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/handling.hpp>

namespace mamey::inline v1 {

/// By the message's type, else by what it was published to; null when neither says it. All of them have the same queue.
const subscription* meant_by(const envelope& message, std::span<const subscription* const> candidates);

/// Whether a message without a type could be for both: the same exchange, and a routing key that both are bound with.
bool are_confusable(const subscription& one, const subscription& other);

}  // namespace mamey::inline v1
