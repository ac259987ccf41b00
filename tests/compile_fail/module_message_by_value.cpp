// expect: mamey: a handler takes its message, a struct, by const reference
#include <mamey/application.hpp>
struct CreateOrder {
  mamey::uuid order_id;
};
void create_order(CreateOrder);
auto service() { return mamey::module("orders").commands<create_order>(); }
