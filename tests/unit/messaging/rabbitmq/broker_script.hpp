#pragma once

/// @file
/// The broker's side of a connection, frame by frame, for scripted tests.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>

namespace mamey::rabbitmq_detail {

inline std::string frame_of(std::uint8_t type, std::uint16_t channel, std::string_view payload) {
  std::string bytes;
  amqp_writer out(bytes);
  out.octet(type);
  out.short_integer(channel);
  out.long_string(payload);
  return bytes + '\xCE';
}

template <class Fill>
std::string method_of(std::uint16_t channel, amqp_method method, Fill fill) {
  std::string payload;
  amqp_writer out(payload);
  out.long_integer(static_cast<std::uint32_t>(method));
  fill(out);
  return frame_of(1, channel, payload);
}
inline std::string method_of(std::uint16_t channel, amqp_method method) {
  return method_of(channel, method, [](amqp_writer&) {});
}

inline std::string header_of(std::uint16_t channel, std::uint64_t size, const message_properties& properties = {}) {
  std::string payload;
  amqp_writer out(payload);
  out.short_integer(60);
  out.short_integer(0);
  out.long_long_integer(size);
  out.properties(properties);
  return frame_of(2, channel, payload);
}

inline std::string start_of(std::string_view mechanisms = "AMQPLAIN PLAIN EXTERNAL") {
  return method_of(0, amqp_method::connection_start, [&](amqp_writer& out) {
    out.octet(0);
    out.octet(9);
    out.table({{"product", std::string("RabbitMQ")}});
    out.long_string(mechanisms);
    out.long_string("en_US");
  });
}

inline std::string tune_of(std::uint16_t channels, std::uint32_t frame, std::uint16_t heartbeat) {
  return method_of(0, amqp_method::connection_tune, [&](amqp_writer& out) {
    out.short_integer(channels);
    out.long_integer(frame);
    out.short_integer(heartbeat);
  });
}

inline std::string close_of(std::uint16_t channel, std::uint16_t code, std::string_view text, amqp_method wrong = {}) {
  return method_of(channel, channel == 0 ? amqp_method::connection_close : amqp_method::channel_close, [&](amqp_writer& out) {
    out.short_integer(code);
    out.short_string(text);
    out.long_integer(static_cast<std::uint32_t>(wrong));
  });
}

inline std::string deliver_of(std::uint16_t channel, std::uint64_t tag, bool redelivered = false) {
  return method_of(channel, amqp_method::basic_deliver, [&](amqp_writer& out) {
    out.short_string("consumer");
    out.long_long_integer(tag);
    out.octet(redelivered ? 1 : 0);
    out.short_string("orders");
    out.short_string("order_created");
  });
}

inline std::string confirm_of(std::uint16_t channel, std::uint64_t tag, bool multiple, amqp_method how = amqp_method::basic_ack) {
  return method_of(channel, how, [&](amqp_writer& out) {
    out.long_long_integer(tag);
    out.octet(multiple ? 1 : 0);
  });
}

/// A frame as it was sent.
struct sent_frame {
  int type = 0;
  std::uint16_t channel = 0;
  std::string payload;
  amqp_method method() const { return static_cast<amqp_method>(amqp_reader(payload).long_integer()); }
  amqp_reader arguments() const { return amqp_reader(std::string_view(payload).substr(4)); }
};

/// A machine, and what is told to it and by it.
class scripted {
 public:
  explicit scripted(connection_settings settings = {}) : machine(std::move(settings)) { machine.start(now); }

  void hear(std::string_view bytes) { machine.receive(bytes, now); }
  std::vector<amqp_event> events() { return machine.take_events(); }
  amqp_event only_event() {
    auto all = events();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? amqp_event{} : std::move(all.front());
  }
  std::string bytes() { return std::exchange(machine.output(), {}); }
  std::vector<sent_frame> frames() {
    std::vector<sent_frame> all;
    const auto out = bytes();
    for (amqp_reader from(out); !from.rest().empty();) {
      sent_frame each;
      each.type = from.octet();
      each.channel = from.short_integer();
      each.payload = from.long_string();
      EXPECT_EQ(from.octet(), 0xCE);
      all.push_back(std::move(each));
    }
    return all;
  }
  sent_frame only_frame() {
    auto all = frames();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? sent_frame{} : std::move(all.front());
  }
  /// Through the handshake.
  void open(std::uint16_t channels = 2047, std::uint32_t frame = 131'072, std::uint16_t heartbeat = 60) {
    hear(start_of());
    hear(tune_of(channels, frame, heartbeat));
    hear(method_of(0, amqp_method::connection_open_ok, [](amqp_writer& out) { out.short_string(""); }));
    EXPECT_TRUE(machine.is_open());
    bytes();
    events();
  }
  std::uint16_t open_channel() {
    const auto number = machine.open_channel();
    hear(method_of(number, amqp_method::channel_open_ok, [](amqp_writer& out) { out.long_string(""); }));
    bytes();
    events();
    return number;
  }

  steady_time now{std::chrono::hours(1)};
  connection_machine machine;
};

}  // namespace mamey::rabbitmq_detail
