#include "messages.hpp"
#include "order.hpp"
#include "orders.hpp"
#include "pricing.hpp"

#include <mamey/runtime/context.hpp>

namespace orders {

void create_order(const CreateOrder& command, mamey::repository<Order>& orders, Pricing& pricing) {
  if (orders.exists(command.order_id)) throw mamey::conflict("order_exists", "order {} already exists", command.order_id);
  orders.add(Order::place(command, pricing.total(command.order_id), mamey::current_context().correlation_id));
}

void cancel_order(const CancelOrder& command, mamey::repository<Order>& orders) {
  auto order = orders.get(command.order_id);
  order.cancel();
  orders.save(order);
}

void on_delivery_started(const DeliveryStarted& event, mamey::repository<Order>& orders) {
  if (event.order_id) {
    auto order = orders.get(*event.order_id);
    order.ship();
    orders.save(order);
    return;
  }
  for (auto& order : orders.list(mamey::where<&OrderState::correlation_id>(mamey::current_context().correlation_id)).items) {
    order.ship();
    orders.save(order);
  }
}

void on_delivery_completed(const DeliveryCompleted& event, mamey::repository<Order>& orders) {
  auto order = orders.get(event.order_id);
  order.complete();
  orders.save(order);
}

void show_order(const OrderChanged& event, mamey::read_models<OrderDto>& shown) {
  shown.put(
      {.id = event.order_id, .customer_id = event.state.customer_id, .total_amount = event.state.total, .status = event.state.status});
}

std::optional<OrderDto> get_order(const GetOrder& query, mamey::read_models<OrderDto>& orders) { return orders.find(query.order_id); }

mamey::page<OrderDto> browse_orders(const BrowseOrders& query, mamey::read_models<OrderDto>& orders) {
  return orders.list(mamey::where<&OrderDto::customer_id>(query.customer_id) && mamey::where<&OrderDto::status>(query.status),
                     query.paging);
}

mamey::module service() {
  return mamey::module("orders")
      .commands<create_order, cancel_order>()
      .queries<get_order, browse_orders>()
      .events<on_delivery_started, on_delivery_completed>()
      .domain_events<show_order>()
      .get<GetOrder>("/orders/{orderId}")
      .get<BrowseOrders>("/orders")
      .post<CreateOrder>("/orders", mamey::created("/orders/{orderId}"))
      .post<CancelOrder>("/orders/{orderId}/cancel");
}

}  // namespace orders
