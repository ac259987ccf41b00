#include "broker_script.hpp"

namespace mamey::rabbitmq_detail {
namespace {

using namespace std::chrono_literals;
using enum amqp_method;

// -- handshake ----------------------------------------------------------------------------------------------------------

TEST(amqp_handshake, begins_with_the_protocol_header) {
  scripted it;
  EXPECT_EQ(it.bytes(), std::string("AMQP\0\0\x09\x01", 8));
}

TEST(amqp_handshake, logs_in_with_user_and_password_and_names_its_capabilities) {
  scripted it({.user = "mia", .password = "geheim", .connection_name = "orders_producer"});
  it.bytes();
  it.hear(start_of());
  const auto answer = it.only_frame();
  ASSERT_EQ(answer.method(), connection_start_ok);
  auto from = answer.arguments();
  const auto properties = from.table();
  EXPECT_EQ(std::get<std::string>(*find_field(properties, "connection_name")), "orders_producer");
  EXPECT_EQ(from.short_string(), "PLAIN");
  EXPECT_EQ(from.long_string(), std::string("\0mia\0geheim", 11));
  for (const auto* capability : {"publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked", "authentication_failure_close"})
    EXPECT_NE(answer.payload.find(capability), std::string::npos) << capability;
}

TEST(amqp_handshake, lets_the_certificate_speak_where_asked_to) {
  scripted it({.external = true});
  it.bytes();
  it.hear(start_of());
  const auto answer = it.only_frame();
  auto from = answer.arguments();
  from.table();
  EXPECT_EQ(from.short_string(), "EXTERNAL");
  EXPECT_EQ(from.long_string(), "");
}

TEST(amqp_handshake, ends_when_the_broker_offers_no_way_to_log_in_that_we_know) {
  scripted it;
  it.hear(start_of("GSSAPI PLAINTEXT"));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::closed);
  EXPECT_NE(told.text.find("GSSAPI"), std::string::npos);
}

TEST(amqp_handshake, agrees_on_the_smaller_of_both_wishes_and_opens_the_virtual_host) {
  scripted it({.virtual_host = "shop", .heartbeat = 60s, .channel_max = 100, .frame_max = 8192});
  it.hear(start_of());
  it.bytes();
  it.hear(tune_of(2047, 131'072, 20));
  const auto answer = it.frames();
  ASSERT_EQ(answer.size(), 2U);
  auto tuned = answer[0].arguments();
  EXPECT_EQ(tuned.short_integer(), 100);
  EXPECT_EQ(tuned.long_integer(), 8192U);
  EXPECT_EQ(tuned.short_integer(), 20);
  EXPECT_EQ(answer[1].method(), connection_open);
  EXPECT_EQ(answer[1].arguments().short_string(), "shop");
  EXPECT_FALSE(it.machine.is_open());
  it.hear(method_of(0, connection_open_ok, [](amqp_writer& out) { out.short_string(""); }));
  EXPECT_EQ(it.only_event().type, amqp_event_type::opened);
}

TEST(amqp_handshake, zero_means_no_wish) {
  scripted it({.heartbeat = 0s, .channel_max = 0, .frame_max = 0});
  it.open(0, 0, 0);
  EXPECT_EQ(it.machine.frame_max(), 131'072U);
  EXPECT_EQ(it.machine.wake_at(), steady_time::max()) << "without heartbeats there is nothing to wake for";
}

TEST(amqp_handshake, has_a_deadline) {
  scripted it({.handshake = 10s});
  EXPECT_EQ(it.machine.wake_at(), it.now + 10s);
  it.hear(start_of());
  it.machine.tick(it.now + 9s);
  EXPECT_TRUE(it.events().empty());
  it.machine.tick(it.now + 10s);
  EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
  EXPECT_TRUE(it.machine.has_ended());
}

TEST(amqp_handshake, a_refused_login_says_why) {
  scripted it;
  it.bytes();
  it.hear(start_of());
  it.hear(close_of(0, 403, "ACCESS_REFUSED - Login was refused"));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::closed);
  EXPECT_EQ(told.code, access_refused);
  EXPECT_EQ(told.text, "ACCESS_REFUSED - Login was refused");
  EXPECT_EQ(it.frames().back().method(), connection_close_ok);
}

TEST(amqp_handshake, steps_out_of_order_end_the_connection) {
  for (const auto& wrong : {tune_of(1, 4096, 1), method_of(0, connection_open_ok), method_of(0, connection_blocked), method_of(0, connection_secure)}) {
    scripted it;
    it.bytes();
    it.hear(wrong);
    EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
  }
}

TEST(amqp_handshake, another_version_is_understood_as_such) {
  scripted it;
  it.hear(std::string_view("AMQP\0\1\0\0", 8));
  EXPECT_NE(it.only_event().text.find("another version"), std::string::npos);
}

// -- frames -------------------------------------------------------------------------------------------------------------

TEST(amqp_frames, may_come_byte_by_byte) {
  scripted it;
  const auto all = start_of() + tune_of(10, 4096, 60) + method_of(0, connection_open_ok, [](amqp_writer& out) { out.short_string(""); });
  for (const char each : all) it.hear(std::string_view(&each, 1));
  EXPECT_EQ(it.only_event().type, amqp_event_type::opened);
}

TEST(amqp_frames, lengths_are_limited_before_anything_is_kept) {
  scripted it;
  it.open(10, 4096, 60);
  std::string huge;
  amqp_writer out(huge);
  out.octet(1);
  out.short_integer(0);
  out.long_integer(4096 - 8 + 1);
  it.hear(huge);
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::closed);
  EXPECT_NE(told.text.find("4089"), std::string::npos);
}

TEST(amqp_frames, what_breaks_the_protocol_ends_the_connection) {
  auto unended = frame_of(8, 0, "");
  unended.back() = 'x';
  const auto bad_length = frame_of(1, 1, std::string("\0\x3c\0\x50\0", 5));  // basic.ack cut short
  for (const auto& wrong : {unended, bad_length, frame_of(7, 0, ""), method_of(9, basic_ack), frame_of(2, 1, "nothing announced it"), frame_of(3, 1, "nor this"), method_of(1, basic_publish), frame_of(1, 1, "ab")}) {
    scripted it;
    it.open();
    it.open_channel();
    it.hear(wrong);
    EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
    it.hear(frame_of(8, 0, ""));
    EXPECT_TRUE(it.events().empty()) << "closed is the last event";
  }
}

// -- heartbeats -----------------------------------------------------------------------------------------------------------

TEST(amqp_heartbeats, go_out_when_nothing_else_did_for_half_the_interval) {
  scripted it;
  it.open(10, 4096, 20);
  EXPECT_EQ(it.machine.wake_at(), it.now + 10s);
  it.now += 10s;
  it.machine.tick(it.now);
  EXPECT_EQ(it.only_frame().type, 8);
  it.now += 6s;
  it.machine.wrote(it.now);
  it.hear(frame_of(8, 0, ""));
  EXPECT_EQ(it.machine.wake_at(), it.now + 10s) << "what was written counts as a sign of life";
}

TEST(amqp_heartbeats, a_broker_silent_for_two_intervals_is_gone) {
  scripted it;
  it.open(10, 4096, 20);
  it.machine.tick(it.now + 39s);
  EXPECT_TRUE(it.events().empty());
  it.machine.tick(it.now + 40s);
  EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
}

// -- channels -------------------------------------------------------------------------------------------------------------

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
  EXPECT_THROW(it.machine.publish(number, "e", "k", {.headers = {{"h", std::string(5000, 'v')}}}, "b"), malformed) << "headers are one frame";
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

TEST(amqp_closing, says_goodbye_and_waits_for_the_answer) {
  scripted it;
  it.open();
  it.machine.close(it.now);
  EXPECT_EQ(it.only_frame().method(), connection_close);
  it.hear(method_of(0, connection_close_ok));
  const auto told = it.only_event();
  EXPECT_EQ(told.type, amqp_event_type::closed);
  EXPECT_EQ(told.code, 0);
}

TEST(amqp_closing, does_not_wait_for_ever) {
  scripted it({.handshake = 10s});
  it.open();
  it.machine.close(it.now);
  it.machine.tick(it.now + 10s);
  EXPECT_EQ(it.only_event().type, amqp_event_type::closed);
}

TEST(amqp_closing, a_lost_socket_is_told_once) {
  scripted it;
  it.open();
  it.machine.lost("reset");
  EXPECT_EQ(it.only_event().text, "reset");
  it.machine.lost("again");
  it.hear(frame_of(8, 0, ""));
  it.machine.tick(it.now + 1h);
  EXPECT_TRUE(it.events().empty());
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
