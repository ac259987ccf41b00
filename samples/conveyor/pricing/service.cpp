#include "pricing_service.hpp"

namespace pricing {

struct PricingDto {
  mamey::uuid order_id;
  mamey::decimal total_amount;
};

struct GetOrderPricing {
  using result = std::optional<PricingDto>;
  mamey::uuid order_id;
};

std::optional<PricingDto> get_order_pricing(const GetOrderPricing& query) { return PricingDto{query.order_id, mamey::decimal("20.50")}; }

mamey::module service() { return mamey::module("pricing").queries<get_order_pricing>().get<GetOrderPricing>("/orders/{orderId}/pricing"); }

mamey::application app() { return mamey::application("pricing").setting("server:urls:0", "http://*:5003").add(service()); }

}  // namespace pricing
