#include "http_pricing.hpp"

#include <mamey/core/json.hpp>

namespace orders {

struct PricingDto {
  mamey::decimal total_amount;
};

mamey::decimal http_pricing::total(const mamey::uuid& order_id) {
  return client_.service("pricing").get_json<PricingDto>("/orders/" + to_string(order_id) + "/pricing").total_amount;
}

}  // namespace orders
