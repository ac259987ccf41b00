// expect: mamey: a query names its result: put `using result = std::optional<OrderDto>;` into the struct.
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid id;
};
struct GetOrder {
  mamey::uuid order_id;
};
std::optional<OrderDto> get_order(const GetOrder&);
auto service() { return mamey::module("orders").queries<get_order>(); }
