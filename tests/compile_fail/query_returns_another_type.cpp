// expect: mamey: a query handler returns what its query names
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
};
struct GetOrder {
  using result = std::optional<OrderDto>;
  mamey::uuid order_id;
};
OrderDto get_order(const GetOrder&);
auto service() { return mamey::module("orders").queries<get_order>(); }
