// expect: mamey: an event handler returns nothing: an event has no answer.
#include <mamey/application.hpp>
struct OrderCreated {
  mamey::uuid order_id;
};
bool on_order_created(const OrderCreated&);
auto service() { return mamey::module("deliveries").events<on_order_created>(); }
