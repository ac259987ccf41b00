// expect: mamey: an aggregate needs its default constructor
#include <mamey/application.hpp>
struct OrderState {
  int lines = 0;
};
class Order : public mamey::aggregate<mamey::uuid, OrderState> {
 public:
  explicit Order(mamey::uuid id) : aggregate(id) {}
};
struct CancelOrder {
  mamey::uuid order_id;
};
void cancel_order(const CancelOrder& command, mamey::repository<Order>& orders) { orders.get(command.order_id); }
auto service() { return mamey::module("orders").commands<cancel_order>(); }
