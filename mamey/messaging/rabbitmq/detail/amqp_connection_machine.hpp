#pragma once

/// @file
/// One AMQP 0-9-1 connection without its socket: bytes and time in, bytes and events out. No clock, no thread, no I/O.
///
/// The handshake runs without further commands after `start`. Commands append their frames to `output`, so all commands between two writes
/// go out in one write. Commands on one channel may be sent without waiting for their answers: the broker handles them in order.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/amqp_codec.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::rabbitmq_detail {

struct connection_settings {
  std::string user = "guest";
  std::string password = "guest";
  std::string virtual_host = "/";
  bool external = false;  ///< SASL EXTERNAL: the client certificate is who we are
  std::string connection_name;
  std::chrono::seconds heartbeat{60};           ///< proposed; 0: none
  std::uint16_t channel_max = 2047;             ///< proposed
  std::uint32_t frame_max = 131'072;            ///< proposed; at least 4096
  std::uint64_t body_max = 128U << 20;          ///< a larger message is received without its body
  std::chrono::milliseconds handshake{10'000};  ///< from `start` to `opened`, and for the answer to `close`
};

enum class amqp_event_type : std::uint8_t {
  opened,   ///< the handshake is over
  closed,   ///< the connection is of no use any more; `code` 0 when we asked for it. The last event
  blocked,  ///< the broker reads no publishes for now; `text` says why
  unblocked,
  channel_opened,
  channel_closed,  ///< by the broker, with `code`, `text` and the method that was wrong, or as we asked (`code` 0). The channel's last event
  answered,        ///< a synchronous `method` is done: `declare_ok`, `bind_ok`, …
  delivered,       ///< consumer_tag, delivery_tag, redelivered, exchange, routing_key, properties, body
  returned,        ///< an unroutable mandatory message: code, text, exchange, routing_key, properties. Before its confirm
  confirmed,       ///< delivery_tag; `multiple`: all up to it
  refused,         ///< likewise, by basic.nack
  consumer_cancelled,  ///< by the broker: the queue went away
};

/// Class and method numbers as one.
enum class amqp_method : std::uint32_t {
  connection_start = 10U << 16 | 10,
  connection_start_ok = 10U << 16 | 11,
  connection_secure = 10U << 16 | 20,
  connection_tune = 10U << 16 | 30,
  connection_tune_ok = 10U << 16 | 31,
  connection_open = 10U << 16 | 40,
  connection_open_ok = 10U << 16 | 41,
  connection_close = 10U << 16 | 50,
  connection_close_ok = 10U << 16 | 51,
  connection_blocked = 10U << 16 | 60,
  connection_unblocked = 10U << 16 | 61,
  channel_open = 20U << 16 | 10,
  channel_open_ok = 20U << 16 | 11,
  channel_flow = 20U << 16 | 20,
  channel_flow_ok = 20U << 16 | 21,
  channel_close = 20U << 16 | 40,
  channel_close_ok = 20U << 16 | 41,
  exchange_declare = 40U << 16 | 10,
  exchange_declare_ok = 40U << 16 | 11,
  queue_declare = 50U << 16 | 10,
  queue_declare_ok = 50U << 16 | 11,
  queue_bind = 50U << 16 | 20,
  queue_bind_ok = 50U << 16 | 21,
  basic_qos = 60U << 16 | 10,
  basic_qos_ok = 60U << 16 | 11,
  basic_consume = 60U << 16 | 20,
  basic_consume_ok = 60U << 16 | 21,
  basic_cancel = 60U << 16 | 30,
  basic_cancel_ok = 60U << 16 | 31,
  basic_publish = 60U << 16 | 40,
  basic_return = 60U << 16 | 50,
  basic_deliver = 60U << 16 | 60,
  basic_ack = 60U << 16 | 80,
  basic_nack = 60U << 16 | 120,
  confirm_select = 85U << 16 | 10,
  confirm_select_ok = 85U << 16 | 11,
};

/// Frames (specification §4.2.3).
inline constexpr std::uint8_t method_frame = 1, header_frame = 2, body_frame = 3, heartbeat_frame = 8;
inline constexpr char frame_end = '\xCE';
inline constexpr std::size_t frame_overhead = 8;  ///< type, channel, size, end
inline constexpr std::uint16_t basic_class = 60;
inline constexpr std::uint32_t largest_first_frame = 131'072;  ///< before the two sides have agreed on a size

/// Reply codes (specification §1.1 and RabbitMQ's documentation).
enum amqp_code : std::uint16_t { no_route = 312, access_refused = 403, not_found_code = 404, precondition_failed = 406 };

struct amqp_event {
  amqp_event_type type{};
  std::uint16_t channel = 0;
  amqp_method method{};  ///< of `answered`; of a closing: what the broker refused, if it says
  std::uint16_t code = 0;
  std::string text;
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  bool redelivered = false;
  bool truncated = false;  ///< the body was larger than `body_max` and is missing
  std::string consumer_tag;
  std::string exchange;
  std::string routing_key;
  message_properties properties;
  std::string body;
  std::uint32_t messages = 0;  ///< of `queue_declare_ok`: that wait in the queue
};

/// Passive: only asks whether it is there.
enum class declare_mode : std::uint8_t { active, passive };
struct exchange_request {
  std::string name, type = "topic";
  declare_mode mode = declare_mode::active;
  bool durable = true, auto_delete = false;
};
struct queue_request {
  std::string name;
  declare_mode mode = declare_mode::active;
  bool durable = true, exclusive = false, auto_delete = false;
  field_table arguments;
};

class connection_machine {
 public:
  explicit connection_machine(connection_settings settings);

  // -- input ------------------------------------------------------------------------------------------------------------
  void start(steady_time now);
  /// What the socket gave. A violation of the protocol ends in `closed`.
  void receive(std::string_view bytes, steady_time now);
  /// At `wake_at`, or any time: heartbeats and deadlines.
  void tick(steady_time now);
  /// The socket is gone.
  void lost(std::string_view reason);

  // -- output -----------------------------------------------------------------------------------------------------------
  std::string& output() noexcept { return output_; }  ///< take and clear it; then say `wrote`
  void wrote(steady_time now) noexcept { last_sent_ = now; }
  std::vector<amqp_event> take_events() { return std::exchange(events_, {}); }
  steady_time wake_at() const noexcept;
  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;
  bool is_open() const noexcept { return state_ == state::open; }
  bool is_blocked() const noexcept { return blocked_; }
  bool has_ended() const noexcept { return state_ == state::closed; }
  std::uint32_t frame_max() const noexcept { return frame_max_; }

  // -- commands, once open; they throw malformed for names beyond 255 bytes, and then nothing is sent ----------------------
  std::uint16_t open_channel();  ///< 0: none is free
  void close_channel(std::uint16_t channel);
  void declare_exchange(std::uint16_t channel, const exchange_request& what);
  void declare_queue(std::uint16_t channel, const queue_request& what);
  void bind_queue(std::uint16_t channel, std::string_view queue, std::string_view exchange, std::string_view routing_key);
  void limit_unacknowledged(std::uint16_t channel, std::uint32_t bytes, std::uint16_t messages, bool whole_channel);
  void consume(std::uint16_t channel, std::string_view queue, std::string_view consumer_tag);
  void cancel(std::uint16_t channel, std::string_view consumer_tag);
  void select_confirms(std::uint16_t channel);
  /// Mandatory.
  void publish(std::uint16_t channel, std::string_view exchange, std::string_view routing_key, const message_properties& properties,
               std::string_view body);
  void acknowledge(std::uint16_t channel, std::uint64_t delivery_tag, bool multiple);
  void requeue(std::uint16_t channel, std::uint64_t delivery_tag);
  /// The queue's dead-letter exchange gets it; without one it is gone.
  void reject(std::uint16_t channel, std::uint64_t delivery_tag);
  void close(steady_time now);

 private:
  enum class state : std::uint8_t { idle, awaiting_start, awaiting_tune, awaiting_open, open, closing, closed };
  struct channel_state {
    bool closing = false;  ///< by us: everything but close-ok is dropped
    bool header_due = false, body_due = false;
    std::uint64_t body_left = 0;
    amqp_event content;  ///< being put together
  };

  void frame(std::uint8_t type, std::uint16_t channel, std::string_view payload, steady_time now);
  void on_method(std::uint16_t channel, amqp_method method, amqp_reader& from, steady_time now);
  void on_connection_method(amqp_method method, amqp_reader& from, steady_time now);
  void on_channel_method(std::uint16_t channel, amqp_method method, amqp_reader& from);
  void on_header(std::uint16_t channel, amqp_reader& from);
  void on_body(std::uint16_t channel, std::string_view payload);
  void begin_content(channel_state& at, amqp_event&& content);
  void finish_content(channel_state& at);
  channel_state& channel_of(std::uint16_t channel);
  void end(std::uint16_t code, std::string text, amqp_method method = {});
  void send_start_ok(std::string_view mechanisms);
  bool takes_settlements(std::uint16_t channel) const;
  template <class Fill>
  void send_method(std::uint16_t channel, amqp_method method, Fill fill);
  amqp_event& emit(amqp_event_type type, std::uint16_t channel = 0);

  const connection_settings settings_;
  state state_ = state::idle;
  std::string input_;
  std::string output_;
  std::vector<amqp_event> events_;
  std::map<std::uint16_t, channel_state> channels_;
  std::uint16_t next_channel_ = 0;
  std::uint16_t channel_max_;
  std::uint32_t frame_max_;
  std::chrono::seconds heartbeat_{0};
  steady_time deadline_ = steady_time::max();  ///< of handshake and closing
  steady_time last_received_{}, last_sent_{};
  bool blocked_ = false;
};

template <class Fill>
void connection_machine::send_method(std::uint16_t channel, amqp_method method, Fill fill) {
  const auto before = output_.size();
  try {
    amqp_writer out(output_);
    out.octet(method_frame);
    out.short_integer(channel);
    const auto length = out.open_length();
    out.long_integer(static_cast<std::uint32_t>(method));
    fill(out);
    out.close_length(length);
    output_ += frame_end;
  } catch (...) {
    output_.resize(before);
    throw;
  }
}

}  // namespace mamey::inline v1::rabbitmq_detail
