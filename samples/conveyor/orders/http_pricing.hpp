#pragma once

/// @file
/// Prices from the pricing service.

#include <mamey/http/client.hpp>

#include "pricing.hpp"

namespace orders {

class http_pricing final : public Pricing {
 public:
  explicit http_pricing(mamey::http::client& client) : client_(client) {}
  /// `GET /orders/{id}/pricing`, with the client's timeout and retries; throws `unavailable` when the service is away.
  mamey::decimal total(const mamey::uuid& order_id) override;

 private:
  mamey::http::client& client_;
};

}  // namespace orders
