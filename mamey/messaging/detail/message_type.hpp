#pragma once

/// @file
/// Names of message types as services of several frameworks write them.

#include <string_view>

namespace mamey::inline v1::detail {

/// Whether both name the same type: `Shop.Orders.OrderPlaced, Shop`, `order_placed` and `OrderPlaced` do.
bool is_same_type(std::string_view said, std::string_view expected);

}  // namespace mamey::inline v1::detail
