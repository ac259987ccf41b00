#include <mamey/engines/feature.hpp>

#include "http_pricing.hpp"
#include "orders.hpp"

namespace orders {

mamey::application app() {
  return mamey::application("orders")
      .setting("server:urls:0", "http://*:5002")
      .setting("httpClient:services:pricing", "http://localhost:5003")
      .add(mamey::engines())
      .services([](mamey::services& services) { services.add<Pricing, http_pricing>(); })
      .add(service());
}

}  // namespace orders
