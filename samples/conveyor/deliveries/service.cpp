#include "deliveries.hpp"

#include <chrono>

namespace deliveries {

enum class Status { started, completed };

// Events of others
struct OrderCreated {
  static constexpr mamey::message_options message{.exchange = "orders"};
  mamey::uuid order_id;
};

// Events of ours
struct DeliveryStarted {
  static constexpr mamey::message_options message{.exchange = "deliveries"};
  mamey::uuid delivery_id, order_id;
};
struct DeliveryCompleted {
  static constexpr mamey::message_options message{.exchange = "deliveries"};
  mamey::uuid delivery_id, order_id;
};

struct CompleteDelivery {
  mamey::uuid delivery_id;
};

struct DeliveryDto {
  mamey::uuid id, order_id;
  Status status = Status::started;
  static constexpr auto indexes() { return mamey::indexed<&DeliveryDto::order_id>; }
};

struct BrowseDeliveries {
  using result = mamey::page<DeliveryDto>;
  std::optional<mamey::uuid> order_id;
  mamey::paging paging;
};

struct DeliveryState {
  mamey::uuid order_id;
  Status status = Status::started;
};

class Delivery : public mamey::aggregate<mamey::uuid, DeliveryState> {
  using aggregate::aggregate;

 public:
  static Delivery start(const mamey::uuid& order_id) {
    Delivery delivery(mamey::uuid::v7(), {.order_id = order_id});
    delivery.raise(DeliveryStarted{.delivery_id = delivery.id(), .order_id = order_id});
    return delivery;
  }
  void complete() {
    if (state().status == Status::completed) return;
    change().status = Status::completed;
    raise(DeliveryCompleted{.delivery_id = id(), .order_id = state().order_id});
  }
};

void on_order_created(const OrderCreated& event, mamey::repository<Delivery>& deliveries, mamey::publisher& messages) {
  auto delivery = Delivery::start(event.order_id);
  deliveries.add(delivery);
  messages.send_later(CompleteDelivery{delivery.id()}, std::chrono::milliseconds(100));
}

void complete_delivery(const CompleteDelivery& command, mamey::repository<Delivery>& deliveries) {
  auto delivery = deliveries.get(command.delivery_id);
  delivery.complete();
  deliveries.save(delivery);
}

void show_started(const DeliveryStarted& event, mamey::read_models<DeliveryDto>& shown) {
  shown.put({.id = event.delivery_id, .order_id = event.order_id, .status = Status::started});
}

void show_completed(const DeliveryCompleted& event, mamey::read_models<DeliveryDto>& shown) {
  shown.put({.id = event.delivery_id, .order_id = event.order_id, .status = Status::completed});
}

mamey::page<DeliveryDto> browse_deliveries(const BrowseDeliveries& query, mamey::read_models<DeliveryDto>& deliveries) {
  return deliveries.list(mamey::where<&DeliveryDto::order_id>(query.order_id), query.paging);
}

mamey::module service() {
  return mamey::module("deliveries")
      .events<on_order_created>()
      .commands<complete_delivery>()
      .domain_events<show_started, show_completed>()
      .queries<browse_deliveries>()
      .get<BrowseDeliveries>("/deliveries");
}

}  // namespace deliveries
