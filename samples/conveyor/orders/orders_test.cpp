#include <gtest/gtest.h>

#include <mamey/testing/harness.hpp>

#include "messages.hpp"
#include "orders.hpp"
#include "pricing.hpp"

namespace {

using namespace orders;

struct fixed_price : Pricing {
  explicit fixed_price(const char* amount) : price(amount) {}
  mamey::decimal total(const mamey::uuid&) override { return price; }
  mamey::decimal price;
};

class orders_service : public ::testing::Test {
 protected:
  orders_service() { orders.replace<Pricing>(fixed_price{"42"}); }

  mamey::testing::harness orders{orders::service()};
  const mamey::uuid id = mamey::uuid::v7(), customer = mamey::uuid::v7();
};

TEST_F(orders_service, creating_an_order_publishes_order_created) {
  orders.send(CreateOrder{.order_id = id, .customer_id = customer, .lines = {{"sku-1", 2}}});
  EXPECT_EQ(orders.published<OrderCreated>().at(0).total_amount, mamey::decimal("42"));
  EXPECT_EQ(orders.ask(GetOrder{id})->status, Status::placed);
}

TEST_F(orders_service, the_status_follows_the_delivery) {
  orders.send(CreateOrder{.order_id = id, .customer_id = customer});
  orders.receive(DeliveryStarted{.delivery_id = mamey::uuid::v7(), .order_id = id});
  EXPECT_EQ(orders.ask(GetOrder{id})->status, Status::delivering);
  orders.receive(DeliveryCompleted{.delivery_id = mamey::uuid::v7(), .order_id = id});
  EXPECT_EQ(orders.ask(GetOrder{id})->status, Status::delivered);
}

TEST_F(orders_service, a_delivery_that_does_not_say_its_order_is_found_by_correlation) {
  orders.send(CreateOrder{.order_id = id, .customer_id = customer});
  const auto correlation = orders.published_messages().at(0).correlation_id;
  orders.receive(DeliveryStarted{.delivery_id = mamey::uuid::v7()}, "from-dotnet", correlation);
  EXPECT_EQ(orders.ask(GetOrder{id})->status, Status::delivering);
}

TEST_F(orders_service, an_order_on_its_way_cannot_be_cancelled) {
  orders.send(CreateOrder{.order_id = id, .customer_id = customer});
  orders.receive(DeliveryStarted{.delivery_id = mamey::uuid::v7(), .order_id = id});
  EXPECT_THROW(orders.send(CancelOrder{.order_id = id}), mamey::domain_error);
  EXPECT_TRUE(orders.published<OrderCancelled>().empty());
}

TEST_F(orders_service, a_bad_request_names_the_place) {
  const auto answer = orders.post("/orders", R"({"lines":[{"quantity":"three"}]})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("lines[0].quantity"), std::string::npos) << answer.body;
}

TEST_F(orders_service, creating_by_http_answers_with_the_location) {
  const auto answer = orders.post("/orders", R"({"orderId":")" + to_string(id) + R"(","customerId":")" + to_string(customer) + R"("})");
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer.location, "/orders/" + to_string(id));
}

}  // namespace
