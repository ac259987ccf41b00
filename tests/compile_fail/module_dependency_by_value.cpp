// expect: mamey: a handler takes its dependencies by reference
#include <mamey/application.hpp>
struct Pricing {};
struct CreateOrder {
  mamey::uuid order_id;
};
void create_order(const CreateOrder&, Pricing);
auto service() { return mamey::module("orders").commands<create_order>(); }
