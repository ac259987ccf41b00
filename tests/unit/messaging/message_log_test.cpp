#include <algorithm>
#include <map>

#include <mamey/messaging/message_headers.hpp>

#include "../observability/log_capture.hpp"
#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

class log_of_messages : public messaging_in_process {
 protected:
  static log_options everything() {
    log_options options;
    options.level = log_level::verbose;
    return options;
  }
  log_capture seen{everything()};
};

TEST_F(log_of_messages, says_what_failed_and_never_shows_a_body) {
  deliveries.subscribe(
      "orders", "created",
      {deliveries.handler("deliver", [](const auto&, auto&) { throw unavailable("carrier_away", "the carrier does not answer"); })});
  time.run([&] {
    start();
    envelope message;
    message.id = "m1";
    message.type = "created";
    message.exchange = "orders";
    message.routing_key = "created";
    message.body = R"({"card":"4111-1111"})";
    orders.publish(message);
    eventually([&] { return deliveries.store.count_errors() == 1; }, "the record");
    stop();
  });
  const auto records = seen.records();
  const auto says = [&](std::string_view what) {
    return std::ranges::any_of(records, [&](const log_record& each) { return each.message.find(what) != std::string::npos; });
  };
  EXPECT_TRUE(says("carrier_away"));
  EXPECT_TRUE(says("m1"));
  EXPECT_FALSE(says("4111"));
}

TEST_F(log_of_messages, a_command_that_nobody_takes_is_told_at_once_and_shown_while_it_is_tried_again) {
  orders.parts().outbox.refusals = 3;
  std::string trouble;
  time.run([&] {
    start();
    envelope command{.id = "m1", .type = "ShipIt", .exchange = "orders", .routing_key = "ship_it"};
    mark_as_command(command);
    orders.publish(command);
    sleep_for(500ms);
    trouble = orders.endpoint->statistics().trouble;
    eventually([&] { return orders.store.read_outbox_state().parked == 1; }, "the parking");
    sleep_for(5s);
    EXPECT_EQ(orders.endpoint->statistics().trouble.find("tried again"), std::string::npos) << "it is parked";
    stop();
  });
  const auto reason = "no queue is bound to the exchange orders with the key ship_it, so nobody handles this command";
  EXPECT_EQ(trouble, std::string("a message is not taken and is tried again: ShipIt: ") + reason);
  const auto count = [records = seen.records()](log_level level, const std::string& what) {
    return std::ranges::count_if(
        records, [&](const log_record& each) { return each.level == level && each.message.find(what) != std::string::npos; });
  };
  EXPECT_EQ(count(log_level::warning, std::string("ShipIt is not taken and is tried again, 3 times in all: ") + reason), 1);
  EXPECT_EQ(count(log_level::error, std::string("ShipIt, is parked: ") + reason), 1);
}

void describe_around(log_context& into) {
  into.add("service", current_context().service);
  into.add("correlationId", current_context().correlation_id);
}

TEST_F(log_of_messages, tells_each_failure_in_one_line_with_its_application_and_correlation) {
  deliveries.subscribe(
      "orders", "created",
      {deliveries.handler("deliver", [](const auto&, auto&) { throw unavailable("carrier_away", "the carrier does not answer"); })});
  deliveries.subscribe("orders", "cancelled",
                       {deliveries.handler("forget", [](const auto&, auto&) { throw domain_error("unknown", "nobody knows it"); })});
  logging::set_context_provider(describe_around);
  time.run([&] {
    start();
    for (const auto* type : {"created", "cancelled"})
      orders.publish({.id = std::string(type) + "-1",
                      .correlation_id = "corr-" + std::string(type),
                      .type = type,
                      .exchange = "orders",
                      .routing_key = type});
    eventually([&] { return deliveries.store.count_errors() == 2; }, "the records");
    stop();
  });
  std::map<std::string, std::vector<std::string>> lines;
  for (const auto& each : seen.records()) {
    if (each.level < log_level::warning || each.message.find(" failed at ") == std::string::npos) continue;
    const auto has = [&](std::string_view name, std::string_view value) {
      return std::ranges::any_of(each.context, [&](const auto& around) {
        return around.name == name && around.value == decltype(around.value)(std::string(value));
      });
    };
    const auto type = each.message.substr(0, each.message.find(' '));
    EXPECT_TRUE(has("correlationId", "corr-" + type)) << each.message;
    EXPECT_TRUE(has("service", "deliveries")) << each.message;
    lines[type].push_back(each.message);
  }
  EXPECT_EQ(
      lines["cancelled"],
      std::vector<std::string>{"cancelled cancelled-1 failed at forget (attempt 1) and goes to the error store: unknown nobody knows it"});
  ASSERT_EQ(lines["created"].size(), 6U) << "two tries in each of three rounds, a line each";
  EXPECT_EQ(lines["created"][0],
            "created created-1 failed at deliver (attempt 1) and is tried again at once: carrier_away the carrier does not answer");
  EXPECT_EQ(lines["created"][1],
            "created created-1 failed at deliver (attempt 2) and comes again in 100 ms: carrier_away the carrier does not answer");
  EXPECT_NE(lines["created"][5].find("goes to the error store"), std::string::npos) << lines["created"][5];
}

}  // namespace
}  // namespace mamey::testing
