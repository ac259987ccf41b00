// The two services that an order goes through in bench/end_to_end.py: `orders` takes POST /orders and publishes, `deliveries` listens.
// usage: end_to_end_service orders|deliveries [--KEY=VALUE…]

#include <cstdio>
#include <string>
#include <string_view>

#include <mamey/application.hpp>
#include <mamey/messaging/rabbitmq/feature.hpp>
#include <mamey/persistence/postgres/feature.hpp>

namespace {

struct PlaceOrder {
  mamey::uuid order_id;
  std::string sku;
  int quantity = 0;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&PlaceOrder::order_id>.generated(), mamey::field<&PlaceOrder::sku>.length(1, 50));
  }
};

struct OrderPlaced {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid order_id;
  std::string sku;
  int quantity = 0;
};

void place_order(const PlaceOrder& command, mamey::database& db, mamey::publisher& messages) {
  db.execute("insert into orders (id, sku, quantity) values (?, ?, ?)", command.order_id, command.sku, command.quantity);
  messages.publish(OrderPlaced{command.order_id, command.sku, command.quantity}, command.order_id.to_compact_string());
}

void deliver(const OrderPlaced& event, mamey::database& db) {
  db.execute("insert into deliveries (order_id, started_at) values (?, ?)", event.order_id, mamey::now_utc());
}

mamey::application orders() {
  return mamey::application("orders")
      .add(mamey::postgres({{1, "orders", "create table orders (id uuid primary key, sku text not null, quantity integer not null)"}}))
      .add(mamey::rabbitmq())
      .add(mamey::messaging())
      .add(mamey::module("orders").commands<place_order>().post<PlaceOrder>("/orders", mamey::created("/orders/{orderId}")));
}

mamey::application deliveries() {
  return mamey::application("deliveries")
      .add(mamey::postgres({{1, "deliveries", "create table deliveries (order_id uuid primary key, started_at timestamptz not null)"}}))
      .add(mamey::rabbitmq())
      .add(mamey::messaging())
      .add(mamey::module("deliveries").events<deliver>());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "orders") return orders().run(argc - 1, argv + 1);
  if (role == "deliveries") return deliveries().run(argc - 1, argv + 1);
  std::fprintf(stderr, "usage: end_to_end_service orders|deliveries [--KEY=VALUE...]\n");
  return 2;
}
