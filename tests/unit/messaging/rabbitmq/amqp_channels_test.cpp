#include "broker_script.hpp"

namespace mamey::rabbitmq_detail {
namespace {

using namespace std::chrono_literals;
using enum amqp_method;

// -- handshake ----------------------------------------------------------------------------------------------------------

TEST(amqp_channels, open_and_close_with_their_events) {
  scripted it;
  it.open();
  const auto number = it.machine.open_channel();
  EXPECT_EQ(number, 1);
  EXPECT_EQ(it.only_frame().method(), channel_open);
  it.hear(method_of(number, channel_open_ok, [](amqp_writer& out) { out.long_string(""); }));
  EXPECT_EQ(it.only_event().type, amqp_event_type::channel_opened);
  it.machine.close_channel(number);
  EXPECT_EQ(it.only_frame().method(), channel_close);
  it.hear(confirm_of(number, 1, false) + deliver_of(number, 5) + header_of(number, 3) + frame_of(3, number, "abc"));
  EXPECT_TRUE(it.events().empty()) << "what was under way when we closed is dropped";
  it.hear(method_of(number, channel_close_ok));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::channel_closed);
  EXPECT_EQ(told.code, 0);
}

TEST(amqp_channels, the_broker_closes_one_with_its_reason_and_the_connection_lives_on) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(close_of(number, precondition_failed, "PRECONDITION_FAILED - inequivalent arg", queue_declare));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::channel_closed);
  EXPECT_EQ(told.code, precondition_failed);
  EXPECT_EQ(told.method, queue_declare);
  EXPECT_EQ(it.only_frame().method(), channel_close_ok);
  EXPECT_TRUE(it.machine.is_open());
  EXPECT_NE(it.machine.open_channel(), 0);
}

TEST(amqp_channels, both_sides_may_close_at_once) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.machine.close_channel(number);
  it.hear(close_of(number, not_found_code, "gone"));
  EXPECT_TRUE(it.events().empty());
  it.hear(method_of(number, channel_close_ok));
  EXPECT_EQ(it.only_event().type, amqp_event_type::channel_closed);
}

TEST(amqp_channels, there_are_no_more_than_agreed) {
  scripted it;
  it.open(2, 4096, 60);
  EXPECT_EQ(it.open_channel(), 1);
  EXPECT_EQ(it.open_channel(), 2);
  EXPECT_EQ(it.machine.open_channel(), 0);
  it.hear(close_of(1, 404, "x"));
  EXPECT_EQ(it.machine.open_channel(), 1);
}

// -- publishing -----------------------------------------------------------------------------------------------------------

TEST(amqp_publishing, splits_a_body_into_frames_of_the_agreed_size) {
  scripted it;
  it.open(10, 4096, 60);
  const auto number = it.open_channel();
  it.machine.publish(number, "orders", "order_created", {.message_id = "m1"}, std::string(4088 + 10, 'x'));
  const auto sent = it.frames();
  ASSERT_EQ(sent.size(), 4U);
  auto from = sent[0].arguments();
  from.short_integer();
  EXPECT_EQ(from.short_string(), "orders");
  EXPECT_EQ(from.short_string(), "order_created");
  EXPECT_EQ(from.octet(), 1) << "mandatory";
  amqp_reader header(sent[1].payload);
  EXPECT_EQ(header.short_integer(), 60);
  header.short_integer();
  EXPECT_EQ(header.long_long_integer(), 4098U);
  EXPECT_EQ(header.properties().message_id, "m1");
  EXPECT_EQ(sent[2].payload.size(), 4088U);
  EXPECT_EQ(sent[3].payload.size(), 10U);
}

TEST(amqp_publishing, an_empty_body_has_no_body_frame) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.machine.publish(number, "", "queue", {}, "");
  EXPECT_EQ(it.frames().size(), 2U);
}

TEST(amqp_publishing, names_that_do_not_fit_are_refused_and_leave_nothing_behind) {
  scripted it;
  it.open(10, 4096, 60);
  const auto number = it.open_channel();
  EXPECT_THROW(it.machine.publish(number, std::string(256, 'e'), "k", {}, "b"), malformed);
  EXPECT_THROW(it.machine.publish(number, "e", "k", {.message_id = std::string(256, 'i')}, "b"), malformed);
  EXPECT_THROW(it.machine.publish(number, "e", "k", {.headers = {{"h", std::string(5000, 'v')}}}, "b"), malformed)
      << "headers are one frame";
  EXPECT_TRUE(it.bytes().empty());
}

TEST(amqp_publishing, confirms_and_refusals_come_as_they_were_sent) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(confirm_of(number, 7, true) + confirm_of(number, 8, false, basic_nack));
  const auto told = it.events();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].type, amqp_event_type::confirmed);
  EXPECT_EQ(told[0].delivery_tag, 7U);
  EXPECT_TRUE(told[0].multiple);
  EXPECT_EQ(told[1].type, amqp_event_type::refused);
  EXPECT_FALSE(told[1].multiple);
}

TEST(amqp_publishing, a_return_carries_its_reason_and_its_message) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(method_of(number, basic_return,
                    [](amqp_writer& out) {
                      out.short_integer(no_route);
                      out.short_string("NO_ROUTE");
                      out.short_string("orders");
                      out.short_string("nowhere");
                    }) +
          header_of(number, 2, {.message_id = "m1"}) + frame_of(3, number, "{}"));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::returned);
  EXPECT_EQ(told.code, no_route);
  EXPECT_EQ(told.properties.message_id, "m1");
  EXPECT_EQ(told.body, "{}");
}

TEST(amqp_publishing, is_told_when_the_broker_blocks) {
  scripted it;
  it.open();
  it.hear(method_of(0, connection_blocked, [](amqp_writer& out) { out.short_string("low on disk"); }));
  EXPECT_EQ(it.only_event().text, "low on disk");
  EXPECT_TRUE(it.machine.is_blocked());
  it.hear(method_of(0, connection_unblocked));
  EXPECT_EQ(it.only_event().type, amqp_event_type::unblocked);
  EXPECT_FALSE(it.machine.is_blocked());
}

// -- consuming ------------------------------------------------------------------------------------------------------------

TEST(amqp_consuming, puts_a_delivery_together_from_its_frames) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(deliver_of(number, 3, true) + header_of(number, 6, {.content_type = "application/json", .message_id = "m1"}));
  EXPECT_TRUE(it.events().empty());
  it.hear(frame_of(3, number, "abc") + frame_of(8, 0, "") + frame_of(3, number, "def"));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::delivered);
  EXPECT_EQ(told.delivery_tag, 3U);
  EXPECT_TRUE(told.redelivered);
  EXPECT_EQ(told.exchange, "orders");
  EXPECT_EQ(told.routing_key, "order_created");
  EXPECT_EQ(told.properties.content_type, "application/json");
  EXPECT_EQ(told.body, "abcdef");
}

TEST(amqp_consuming, deliveries_of_two_channels_may_interleave) {
  scripted it;
  it.open();
  const auto one = it.open_channel();
  const auto two = it.open_channel();
  it.hear(deliver_of(one, 1) + deliver_of(two, 1) + header_of(two, 1) + header_of(one, 1) + frame_of(3, one, "a") + frame_of(3, two, "b"));
  const auto told = it.events();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].body, "a");
  EXPECT_EQ(told[1].body, "b");
}

TEST(amqp_consuming, a_body_beyond_the_limit_is_read_and_not_kept) {
  scripted it({.body_max = 4});
  it.open();
  const auto number = it.open_channel();
  it.hear(deliver_of(number, 1) + header_of(number, 5) + frame_of(3, number, "12345"));
  const auto told = it.only_event();
  EXPECT_TRUE(told.truncated);
  EXPECT_TRUE(told.body.empty());
}

TEST(amqp_consuming, a_body_longer_than_announced_ends_the_connection) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(deliver_of(number, 1) + header_of(number, 2) + frame_of(3, number, "123"));
  EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
}

TEST(amqp_consuming, a_consumer_the_broker_cancels_is_told_and_answered) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(method_of(number, basic_cancel, [](amqp_writer& out) {
    out.short_string("mine");
    out.octet(0);
  }));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::consumer_cancelled);
  EXPECT_EQ(told.consumer_tag, "mine");
  EXPECT_EQ(it.only_frame().method(), basic_cancel_ok);
}

TEST(amqp_consuming, settles_with_and_without_multiple) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.machine.acknowledge(number, 9, true);
  it.machine.requeue(number, 10);
  const auto sent = it.frames();
  auto ack = sent[0].arguments();
  EXPECT_EQ(ack.long_long_integer(), 9U);
  EXPECT_EQ(ack.octet(), 1);
  auto nack = sent[1].arguments();
  EXPECT_EQ(sent[1].method(), basic_nack);
  EXPECT_EQ(nack.long_long_integer(), 10U);
  EXPECT_EQ(nack.octet(), 2) << "requeue, not multiple";
}

// -- the end --------------------------------------------------------------------------------------------------------------

TEST(amqp_consuming, settles_nothing_on_a_channel_that_it_has_closed) {
  scripted it;
  it.open();
  const auto number = it.open_channel();
  it.hear(deliver_of(number, 1) + header_of(number, 0));
  it.machine.close_channel(number);
  it.bytes();
  it.machine.acknowledge(number, 1, false);
  it.machine.requeue(number, 1);
  EXPECT_TRUE(it.bytes().empty()) << "the broker would end the connection, and every other channel with it";
  it.hear(method_of(number, channel_close_ok));
  it.machine.acknowledge(number, 1, false);
  EXPECT_TRUE(it.bytes().empty());
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
