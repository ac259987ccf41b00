// expect: mamey: an event has no HTTP request
#include <mamey/application.hpp>
struct OrderCreated {
  mamey::uuid order_id;
};
void on_order_created(const OrderCreated&, const mamey::request_headers&);
auto service() { return mamey::module("deliveries").events<on_order_created>(); }
