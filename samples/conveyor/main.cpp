#include "deliveries/deliveries.hpp"
#include "orders/orders.hpp"
#include "pricing/pricing_service.hpp"

int main(int argc, char** argv) {
  return mamey::host("conveyor").add(orders::app()).add(deliveries::app()).add(pricing::app()).run(argc, argv);
}
