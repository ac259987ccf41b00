// expect: mamey: a repository keeps aggregates
#include <mamey/application.hpp>
struct Order {
  mamey::uuid id;
};
struct CancelOrder {
  mamey::uuid order_id;
};
void cancel_order(const CancelOrder&, mamey::repository<Order>&);
auto service() { return mamey::module("orders").commands<cancel_order>(); }
