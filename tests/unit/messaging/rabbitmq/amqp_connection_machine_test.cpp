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
  for (const auto* capability :
       {"publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked", "authentication_failure_close"})
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
  for (const auto& wrong :
       {tune_of(1, 4096, 1), method_of(0, connection_open_ok), method_of(0, connection_blocked), method_of(0, connection_secure)}) {
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
  for (const auto& wrong : {unended, bad_length, frame_of(7, 0, ""), method_of(9, basic_ack), frame_of(2, 1, "nothing announced it"),
                            frame_of(3, 1, "nor this"), method_of(1, basic_publish), frame_of(1, 1, "ab")}) {
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
