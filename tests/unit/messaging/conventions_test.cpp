#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/conventions.hpp>

namespace mamey {
namespace {

struct naming_case {
  const char* what;
  const char* type;
  message_options declared;
  naming_conventions conventions;
  message_names expected;
};

const naming_case naming_cases[] = {
    {"nothing declared: own exchange, default template",
     "OrderCreated",
     {},
     {.assembly = "Conveyor.Services.Orders", .exchange = "orders", .queue_template = {}},
     {"orders", "OrderCreated", "Conveyor.Services.Orders/orders.OrderCreated"}},
    {"the queue of a foreign event names its publisher's exchange",
     "OrderCreated",
     {.exchange = "orders"},
     {.assembly = "Conveyor.Services.Deliveries", .exchange = "deliveries", .queue_template = {}, .casing = name_casing::snake_case},
     {"orders", "order_created", "conveyor.services.deliveries/orders.order_created"}},
    {"without an exchange the assembly stands in, but not in the queue",
     "OrderCreated",
     {},
     {.assembly = "Orders", .exchange = {}, .queue_template = {}},
     {"Orders", "OrderCreated", "Orders/.OrderCreated"}},
    {"a template of one's own needs no assembly",
     "OrderCreated",
     {},
     {.assembly = {}, .exchange = "orders", .queue_template = "orders-service/{{exchange}}.{{message}}", .casing = name_casing::snake_case},
     {"orders", "order_created", "orders-service/orders.order_created"}},
    {"declared names get the casing too",
     "OrderCreated",
     {.exchange = "SalesOrders", .routing_key = "OrderMade", .queue = "My/OrderQueue"},
     {.assembly = "A", .exchange = "x", .queue_template = {}, .casing = name_casing::snake_case},
     {"sales_orders", "order_made", "my/order_queue"}},
    {"declared names can be ignored one by one",
     "OrderCreated",
     {.exchange = "theirs", .routing_key = "k", .queue = "q"},
     {.assembly = "A", .exchange = "own", .queue_template = {}, .ignore_exchange = true, .ignore_routing_key = true, .ignore_queue = true},
     {"own", "OrderCreated", "A/own.OrderCreated"}},
    {"a wire name replaces the type's",
     "OrderCreatedV2",
     {.name = "OrderCreated"},
     {.assembly = "A", .exchange = "o", .queue_template = {}},
     {"o", "OrderCreated", "A/o.OrderCreated"}},
    {"blank counts as absent",
     "X",
     {.exchange = " ", .routing_key = "\t"},
     {.assembly = "A", .exchange = "o", .queue_template = "  "},
     {"o", "X", "A/o.X"}},
};

TEST(conventions, exchanges_routing_keys_and_queues_are_named_as_in_the_reference) {
  for (const auto& each : naming_cases) {
    const auto names = names_of(each.type, each.declared, each.conventions);
    EXPECT_EQ(names.exchange, each.expected.exchange) << each.what;
    EXPECT_EQ(names.routing_key, each.expected.routing_key) << each.what;
    EXPECT_EQ(names.queue, each.expected.queue) << each.what;
  }
}

TEST(conventions, snake_case_puts_an_underscore_before_each_capital_unless_first_or_after_dot_or_slash) {
  const std::pair<const char*, const char*> cases[] = {
      {"OrderCreated", "order_created"},
      {"ABCDone", "a_b_c_done"},
      {"orderCreated", "order_created"},
      {"Order_Created", "order__created"},
      {"a/B.C", "a/b.c"},
      {"a-B", "a-_b"},
      {"Already_snake", "already_snake"},
      {"", ""},
      {"X", "x"},
      {"V2Order", "v2_order"},
  };
  for (const auto& [given, expected] : cases) {
    EXPECT_EQ(in_casing(given, name_casing::snake_case), expected);
    EXPECT_EQ(in_casing(given, name_casing::as_written), given);
  }
}

TEST(conventions, only_snakecase_in_any_casing_changes_names) {
  EXPECT_EQ(parse_name_casing("snakeCase"), name_casing::snake_case);
  EXPECT_EQ(parse_name_casing("SNAKECASE"), name_casing::snake_case);
  EXPECT_EQ(parse_name_casing("snake_case"), name_casing::as_written);
  EXPECT_EQ(parse_name_casing(""), name_casing::as_written);
}

TEST(conventions, a_section_that_names_no_exchange_means_the_assembly) {
  constexpr auto snake = name_casing::snake_case;
  EXPECT_EQ(exchange_of("Orders", "Conveyor.Orders", true, "app", snake), "Orders") << "as written";
  EXPECT_EQ(exchange_of("", "Conveyor.Orders", true, "app", snake), "conveyor.orders");
  EXPECT_EQ(exchange_of("", "Conveyor.Orders", true, "app", name_casing::as_written), "Conveyor.Orders");
  EXPECT_EQ(exchange_of("", "", true, "app", snake), "app");
  EXPECT_EQ(exchange_of("", "Conveyor.Orders", false, "app", snake), "app");
}

TEST(conventions, the_default_template_without_an_assembly_is_refused_with_the_key_to_set) {
  try {
    names_of("OrderCreated", {}, {.assembly = {}, .exchange = "orders", .queue_template = {}});
    FAIL() << "accepted";
  } catch (const validation_error& refused) {
    ASSERT_EQ(refused.violations().size(), 1U);
    EXPECT_EQ(refused.violations().front().path, "app.assembly");
  }
}

}  // namespace
}  // namespace mamey
