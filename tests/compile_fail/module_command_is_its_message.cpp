// expect: mamey: a handler class has one public member function handle(const Message&, …)
#include <mamey/application.hpp>
struct CreateOrder {
  mamey::uuid order_id;
};
auto service() { return mamey::module("orders").commands<CreateOrder>(); }
