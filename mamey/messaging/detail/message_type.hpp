#pragma once

/// @file
/// Names of message types as services of several frameworks write them.

#include <string>
#include <string_view>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1::detail {

/// Whether both name the same type: `Shop.Orders.OrderPlaced, Shop`, `order_placed` and `OrderPlaced` do.
bool is_same_type(std::string_view said, std::string_view expected);

/// What a header of another library says of the type, when that is not `expected`: `MT-MessageType: urn:message:Shop:OrderCancelled`. Empty when none says so.
std::string other_type_said(const envelope& message, std::string_view expected);

}  // namespace mamey::inline v1::detail
