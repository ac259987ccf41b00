#include <mamey/messaging/direct_publisher.hpp>

#include <gtest/gtest.h>

#include <mamey/messaging/message_headers.hpp>
#include <mamey/messaging/sql_transport.hpp>
#include <tests/support/memory_queues.hpp>

#include "endpoint_fixture.hpp"

namespace mamey::testing {
namespace {

envelope message(std::string routing_key) {
  envelope made;
  made.id = "m-" + routing_key;
  made.type = routing_key;
  made.exchange = "orders";
  made.routing_key = std::move(routing_key);
  return made;
}
envelope command(std::string routing_key) {
  auto made = message(std::move(routing_key));
  mark_as_command(made);
  return made;
}

/// What `work` is refused with; empty: it was not.
template <class Work>
std::string refusal_of(Work work) {
  try {
    work();
  } catch (const error& reason) {
    return reason.code() + ": " + reason.reason();
  }
  return {};
}

TEST_F(messaging_in_process, published_directly_a_message_is_on_its_way_at_once) {
  deliveries.subscribe("orders", "created", {deliveries.handler("deliver", [](const auto&, auto&) { sleep_for(2s); })});
  time.run([&] {
    start();
    direct_publisher out(bus, time.loop(), 10s);
    const auto begun = steady_now();
    out.publish({message("created")});
    EXPECT_EQ(steady_now(), begun) << "nobody waits for the handlers of his messages";
    eventually([&] { return deliveries.effects["deliver/m-created"] == 1; }, "the effect");
    stop();
  });
}

TEST_F(messaging_in_process, published_directly_an_event_may_find_nobody_and_a_command_may_not) {
  time.run([&] {
    start();
    direct_publisher out(bus, time.loop(), 10s);
    EXPECT_EQ(refusal_of([&] { out.publish({message("nobody")}); }), "");
    EXPECT_EQ(refusal_of([&] { out.publish({message("nobody"), command("nothing")}); }),
              "not_published: nothing could not be published: no queue is bound to orders nothing");
    stop();
  });
}

class direct_by_sql : public ::testing::Test {
 protected:
  simulated_runtime time;
  memory_queues queues;
};

TEST_F(direct_by_sql, a_message_is_in_its_queue_when_publish_returns) {
  time.run([&] {
    sql_transport bus(queues, time.loop());
    direct_publisher out(bus, time.loop(), 10s);
    queues.bind("deliveries", "orders", "created");
    out.publish({message("created"), message("nobody")});
    EXPECT_EQ(queues.depth("deliveries"), 1);
    EXPECT_EQ(refusal_of([&] { out.publish({command("nothing")}); }),
              "not_published: nothing could not be published: no queue is bound to orders nothing");
  });
}

TEST_F(direct_by_sql, queues_that_are_away_are_an_error_of_the_publisher) {
  time.run([&] {
    sql_transport bus(queues, time.loop());
    direct_publisher out(bus, time.loop(), 10s);
    queues.bind("deliveries", "orders", "created");
    queues.before = [](std::string_view) { throw unavailable("disk_away", "no disk"); };
    EXPECT_EQ(refusal_of([&] { out.publish({message("created")}); }), "not_published: created could not be published: disk_away: no disk");
    queues.before = {};
    out.publish({message("created")});
    EXPECT_EQ(queues.depth("deliveries"), 1);
  });
}

TEST_F(direct_by_sql, queues_that_do_not_answer_are_waited_for_no_longer_than_allowed) {
  time.run([&] {
    sql_transport bus(queues, time.loop());
    direct_publisher out(bus, time.loop(), 10s);
    queues.bind("deliveries", "orders", "created");
    queues.before = [](std::string_view operation) {
      if (operation == "publish") sleep_for(20s);
    };
    const auto begun = steady_now();
    EXPECT_EQ(refusal_of([&] { out.publish({message("created")}); }),
              "publish_unconfirmed: created was not confirmed within 10000 ms: it may have been sent or not");
    EXPECT_EQ(steady_now() - begun, 10s);
    sleep_for(20s);
    queues.before = {};
  });
}

}  // namespace
}  // namespace mamey::testing
