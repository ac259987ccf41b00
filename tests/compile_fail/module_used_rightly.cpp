#include <mamey/application.hpp>
struct OrderState {
  int lines = 0;
};
class Order : public mamey::aggregate<mamey::uuid, OrderState> {};
struct OrderDto {
  mamey::uuid id;
};
struct CreateOrder {
  mamey::uuid order_id;
};
struct OrderCreated {
  mamey::uuid order_id;
};
struct GetOrder {
  using result = std::optional<OrderDto>;
  mamey::uuid order_id;
};
void create_order(const CreateOrder&, mamey::repository<Order>&);
void on_order_created(const OrderCreated&, mamey::repository<Order>& orders);
std::optional<OrderDto> get_order(const GetOrder&, mamey::read_models<OrderDto>&);
auto service() {
  return mamey::module("orders").commands<create_order>().queries<get_order>().events<on_order_created>().get<GetOrder>(
      "/orders/{orderId}");
}
