// expect: mamey: a read model is a plain struct with a member `id`
#include <mamey/application.hpp>
struct OrderDto {
  mamey::uuid order_id;
};
struct GetOrder {
  using result = std::optional<OrderDto>;
  mamey::uuid order_id;
};
std::optional<OrderDto> get_order(const GetOrder&, mamey::read_models<OrderDto>&);
auto service() { return mamey::module("orders").queries<get_order>(); }
