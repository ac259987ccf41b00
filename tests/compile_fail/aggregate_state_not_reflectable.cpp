// expect: mamey: an array cannot be reflected
#include <mamey/application.hpp>
struct OrderState {
  int lines[4];
};
class Order : public mamey::aggregate<mamey::uuid, OrderState> {};
struct CancelOrder {
  mamey::uuid order_id;
};
void cancel_order(const CancelOrder& command, mamey::repository<Order>& orders) { orders.get(command.order_id); }
auto service() { return mamey::module("orders").commands<cancel_order>(); }
