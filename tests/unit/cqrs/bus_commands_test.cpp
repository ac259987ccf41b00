#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/messaging/handling.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace mamey;

struct Ship {
  static constexpr message_options message{.exchange = "deliveries"};
  uuid order_id;
  int weight = 0;
  static constexpr auto rules() { return all(field<&Ship::weight>.at_most(100)); }
};
struct Shipped {
  static constexpr message_options message{.exchange = "deliveries"};
  uuid order_id;
  int tries = 0;
};
struct ShipRejected {
  static constexpr message_options message{.exchange = "deliveries"};
  uuid order_id;
  std::string code;
};
struct OrderPaid {
  static constexpr message_options message{.exchange = "orders"};
  uuid order_id;
};

int tries = 0;
int failures = 0;
void ship(const Ship& command, publisher& messages) {
  ++tries;
  if (command.weight == 99) throw domain_error("too_heavy", "no carrier takes {} kg", command.weight);
  if (failures-- > 0) throw unavailable("carrier_away", "the carrier does not answer");
  messages.publish(Shipped{command.order_id, tries});
}
ShipRejected reject_ship(const Ship& command, const error_report& reason) { return {command.order_id, reason.code}; }
void on_paid(const OrderPaid& event, publisher& messages) { messages.send(Ship{event.order_id, 3}); }
void on_paid_too(const OrderPaid& event, publisher& messages) { messages.publish(Shipped{event.order_id, -1}); }

module deliveries() { return module("deliveries").commands<ship>().subscribes<Ship>().rejects<reject_ship>(); }

class commands_from_the_bus : public ::testing::Test {
 protected:
  commands_from_the_bus() { tries = failures = 0; }
};

TEST_F(commands_from_the_bus, are_handled_once_a_message) {
  mamey::testing::harness tested{deliveries()};
  const auto id = uuid::v7();
  tested.receive(Ship{id, 1}, "m1");
  tested.receive(Ship{id, 1}, "m1");
  ASSERT_EQ(tested.published<Shipped>().size(), 1u);
  EXPECT_EQ(tested.published<Shipped>()[0].order_id, id);
}

TEST_F(commands_from_the_bus, are_retried_at_once_and_later) {
  mamey::testing::harness tested{deliveries()};
  failures = 4;
  tested.receive(Ship{uuid::v7(), 1}, "m1");
  EXPECT_TRUE(tested.published<Shipped>().empty());
  tested.advance(std::chrono::minutes(1));
  ASSERT_EQ(tested.published<Shipped>().size(), 1u);
  EXPECT_EQ(tested.published<Shipped>()[0].tries, 5);
}

TEST_F(commands_from_the_bus, refused_ones_are_told_of_with_an_id_derived_from_message_and_handler) {
  mamey::testing::harness tested{deliveries()};
  const auto id = uuid::v7();
  tested.receive(Ship{id, 99}, "m1", "c1");
  tested.receive(Ship{id, 99}, "m1", "c1");
  ASSERT_EQ(tested.published_messages().size(), 1u);
  EXPECT_EQ(tested.published_messages()[0].type, "ShipRejected");
  EXPECT_EQ(tested.published_messages()[0].id, derived_id("m1", "ship"));
  EXPECT_EQ(tested.published_messages()[0].correlation_id, "c1");
  EXPECT_EQ(tested.published<ShipRejected>()[0].code, "too_heavy");
  ASSERT_EQ(tested.failed().size(), 1u);
  EXPECT_EQ(tested.failed()[0].handler, "ship");
}

TEST_F(commands_from_the_bus, that_break_a_rule_are_refused_before_their_handler_and_told_of) {
  mamey::testing::harness tested{deliveries()};
  const auto id = uuid::v7();
  tested.receive(Ship{id, 500});
  tested.receive(Ship{uuid{}, 1});
  EXPECT_EQ(tries, 0);
  ASSERT_EQ(tested.published<ShipRejected>().size(), 2u);
  EXPECT_EQ(tested.published<ShipRejected>()[0].order_id, id);
  EXPECT_EQ(tested.published<ShipRejected>()[0].code, "validation_failed");
  EXPECT_EQ(tested.failed().size(), 2u);
}

TEST_F(commands_from_the_bus, are_sent_by_a_publisher_to_the_exchange_of_their_module) {
  mamey::testing::harness tested{module("orders").events<on_paid>()};
  const auto id = uuid::v7();
  tested.receive(OrderPaid{id});
  ASSERT_EQ(tested.published<Ship>().size(), 1u);
  EXPECT_EQ(tested.published<Ship>()[0].order_id, id);
  EXPECT_EQ(tested.published_messages()[0].exchange, "deliveries");
  EXPECT_EQ(tested.published_messages()[0].routing_key, "ship");
}

TEST_F(commands_from_the_bus, need_a_handler) {
  mamey::testing::harness tested{module("deliveries").subscribes<Ship>()};
  try {
    tested.receive(Ship{uuid::v7(), 1});
    FAIL() << "started";
  } catch (const error& reason) {
    EXPECT_NE(reason.reason().find("Ship is subscribed to, but has no handler"), std::string::npos) << reason.reason();
  }
}

TEST_F(commands_from_the_bus, beside_events_whose_several_handlers_run_each_on_its_own) {
  mamey::testing::harness tested{module("orders").events<on_paid, on_paid_too>()};
  tested.receive(OrderPaid{uuid::v7()}, "m1");
  tested.receive(OrderPaid{uuid::v7()}, "m1");
  EXPECT_EQ(tested.published<Ship>().size(), 1u);
  EXPECT_EQ(tested.published<Shipped>().size(), 1u);
}

TEST(handlers, listed_twice_for_one_event_are_refused_by_name) {
  mamey::testing::harness tested{module("orders").events<on_paid>().events<on_paid>()};
  try {
    tested.receive(OrderPaid{uuid::v7()});
    FAIL() << "started";
  } catch (const error& reason) {
    EXPECT_NE(reason.reason().find("OrderPaid is handled by on_paid twice"), std::string::npos) << reason.reason();
  }
}

// -- sent to nobody -------------------------------------------------------------------------------------------------------

struct ToNobody {
  std::string id;
};
struct ToOthers {
  static constexpr message_options message{.exchange = "elsewhere"};
  std::string id;
};
struct SendBoth {
  bool own = false;
};
void send_both(const SendBoth& command, publisher& messages) {
  messages.send(ToOthers{"a"});
  if (command.own) messages.send(ToNobody{"b"});
}

TEST(a_command_that_nobody_takes, of_the_own_exchange_fails_in_the_harness_and_of_anothers_does_not) {
  mamey::testing::harness tested{module("m").commands<send_both>().post<SendBoth>("/send")};
  EXPECT_NO_THROW(tested.send(SendBoth{false}));
  try {
    tested.send(SendBoth{true});
    ADD_FAILURE() << "nobody takes it";
  } catch (const error& refused) {
    EXPECT_EQ(refused.code(), "no_handler");
    EXPECT_NE(std::string(refused.what()).find("ToNobody was sent to the exchange"), std::string::npos) << refused.what();
    EXPECT_NE(std::string(refused.what()).find(".subscribes<ToNobody>()"), std::string::npos) << refused.what();
  }
  EXPECT_EQ(tested.published<ToNobody>().size(), 1U);
}

}  // namespace
