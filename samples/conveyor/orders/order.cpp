#include "order.hpp"

namespace orders {

Order Order::place(const CreateOrder& command, mamey::decimal total, std::string correlation_id) {
  Order order(command.order_id,
              {.customer_id = command.customer_id, .lines = command.lines, .total = total, .correlation_id = std::move(correlation_id)});
  order.raise(OrderChanged{order.id(), order.state()});
  order.raise(OrderCreated{.order_id = order.id(), .customer_id = command.customer_id, .total_amount = total});
  return order;
}

void Order::ship() {
  // Events may arrive out of order: a started delivery does not change an order in a later state.
  if (state().status == Status::placed) become(Status::delivering);
}

void Order::complete() {
  if (state().status != Status::delivered) become(Status::delivered);
}

void Order::cancel() {
  if (state().status != Status::placed) throw mamey::domain_error("order_not_cancellable", "order {} is on its way", id());
  become(Status::cancelled);
  raise(OrderCancelled{id()});
}

void Order::become(Status status) {
  change().status = status;
  raise(OrderChanged{id(), state()});
}

}  // namespace orders
