// expect: mamey: mapping() stands beside the members that it maps
#include <mamey/application.hpp>
struct OrderState {
  int amount = 0;
};
class Order : public mamey::aggregate<mamey::uuid, OrderState> {
 public:
  static mamey::table_mapping mapping() { return {.table = "Orders"}; }
};
struct CancelOrder {
  mamey::uuid order_id;
};
void cancel_order(const CancelOrder&, mamey::repository<Order>&);
auto service() { return mamey::module("orders").commands<cancel_order>(); }
