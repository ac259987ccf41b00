#pragma once

/// @file
/// The price of an order, which another service calculates.

#include <mamey/core/decimal.hpp>
#include <mamey/core/uuid.hpp>

namespace orders {

class Pricing {
 public:
  virtual ~Pricing() = default;
  virtual mamey::decimal total(const mamey::uuid& order_id) = 0;
};

}  // namespace orders
