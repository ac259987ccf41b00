// expect: mamey: a query names its result
#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>
struct CreateOrder {
  mamey::uuid order_id;
};
void test(mamey::testing::harness& orders) { orders.ask(CreateOrder{}); }
