#include <algorithm>

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
  deliveries.subscribe("orders", "created",
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

}  // namespace
}  // namespace mamey::testing
