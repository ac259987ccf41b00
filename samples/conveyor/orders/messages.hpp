#pragma once

/// @file
/// The messages of the orders service. Plain structs; on the wire their members are camelCase JSON.

#include <optional>
#include <string>
#include <vector>

#include <mamey/application.hpp>

namespace orders {

enum class Status { placed, delivering, delivered, cancelled };

struct Line {
  std::string sku;
  int quantity = 1;
  static constexpr auto rules() { return mamey::all(mamey::field<&Line::sku>.length(1, 40), mamey::field<&Line::quantity>.at_least(1)); }
};

// Commands

struct CreateOrder {
  mamey::uuid order_id;
  mamey::uuid customer_id;
  std::vector<Line> lines;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&CreateOrder::order_id>.generated(), mamey::field<&CreateOrder::customer_id>.required());
  }
};

struct CancelOrder {
  static constexpr int conflict_retries = 3;  // a delivery may start at the same moment
  mamey::uuid order_id;
};

// Queries

struct OrderDto {
  mamey::uuid id, customer_id;
  mamey::decimal total_amount;
  Status status = Status::placed;
  static constexpr auto indexes() { return mamey::indexed<&OrderDto::customer_id, &OrderDto::status>; }
};

struct GetOrder {
  using result = std::optional<OrderDto>;
  mamey::uuid order_id;
};

struct BrowseOrders {
  using result = mamey::page<OrderDto>;
  std::optional<mamey::uuid> customer_id;
  std::optional<Status> status;
  mamey::paging paging;
};

// Events of ours: contracts with other services

struct OrderCreated {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid order_id, customer_id;
  mamey::decimal total_amount;
};

struct OrderCancelled {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid order_id;
};

// Events of other services: the members that we read

struct DeliveryStarted {
  static constexpr mamey::message_options message{.exchange = "deliveries"};
  mamey::uuid delivery_id;
  std::optional<mamey::uuid> order_id;  // .NET Mamey (Convey) does not send the order's id; the correlation id names the order
};

struct DeliveryCompleted {
  static constexpr mamey::message_options message{.exchange = "deliveries"};
  mamey::uuid delivery_id, order_id;
};

}  // namespace orders
