#pragma once

/// @file
/// The publisher we are compared with: librabbitmq, confirmed and persistent, with the same headers as ours.

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <deque>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>
#include <mamey/messaging/transport.hpp>

namespace bench {

/// librabbitmq as it is meant to be used: one thread owns the connection, others hand over.
class library_publisher {
 public:
  library_publisher(int port, mamey::publish_callback done) : done_(std::move(done)) {
    connection_ = amqp_new_connection();
    auto* const socket = amqp_tcp_socket_new(connection_);
    if (amqp_socket_open(socket, "127.0.0.1", port) != 0) throw std::runtime_error("librabbitmq cannot connect");
    check(amqp_login(connection_, "/", 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
    amqp_channel_open(connection_, 1);
    check(amqp_get_rpc_reply(connection_));
    amqp_confirm_select(connection_, 1);
    check(amqp_get_rpc_reply(connection_));
    wake_ = eventfd(0, EFD_NONBLOCK);
    thread_ = std::thread([this] { run(); });
  }
  ~library_publisher() {
    stopping_ = true;
    wake();
    thread_.join();
    amqp_connection_close(connection_, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection_);
    close(wake_);
  }
  void publish(std::span<const mamey::outgoing_message> more) {
    {
      const std::lock_guard lock(mutex_);
      incoming_.insert(incoming_.end(), more.begin(), more.end());
    }
    wake();
  }

 private:
  static void check(const amqp_rpc_reply_t& reply) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw std::runtime_error("librabbitmq was refused");
  }
  void wake() {
    const std::uint64_t one = 1;
    if (write(wake_, &one, sizeof one) < 0) std::perror("eventfd");
  }
  static amqp_bytes_t bytes_of(const std::string& text) { return {.len = text.size(), .bytes = const_cast<char*>(text.data())}; }

  void send(const mamey::outgoing_message& next) {
    const auto& message = *next.message;
    const auto wire = mamey::rabbitmq_detail::to_wire(message, {});
    std::vector<amqp_table_entry_t> entries;
    for (const auto& [name, value] : wire.headers) {
      amqp_table_entry_t entry{};
      entry.key = bytes_of(name);
      entry.value.kind = AMQP_FIELD_KIND_UTF8;
      entry.value.value.bytes = bytes_of(std::get<std::string>(value));
      entries.push_back(entry);
    }
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                        AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG |
                        AMQP_BASIC_APP_ID_FLAG;
    properties.content_type = bytes_of(wire.content_type);
    properties.headers = {.num_entries = static_cast<int>(entries.size()), .entries = entries.data()};
    properties.delivery_mode = 2;
    properties.correlation_id = bytes_of(wire.correlation_id);
    properties.message_id = bytes_of(wire.message_id);
    properties.timestamp = *wire.timestamp;
    properties.type = bytes_of(wire.type);
    properties.app_id = bytes_of(wire.app_id);
    if (amqp_basic_publish(connection_, 1, bytes_of(message.exchange), bytes_of(message.routing_key), 1, 0, &properties,
                           bytes_of(message.body)) != AMQP_STATUS_OK)
      throw std::runtime_error("librabbitmq cannot publish");
    out_.push_back(next.tag);
  }

  void settle(std::uint64_t tag, bool multiple) {
    while (!out_.empty() && first_ <= tag) {
      if (!multiple && first_ < tag) break;  // RabbitMQ confirms in order on an idle classic queue; enough for a measurement
      done_(out_.front(), {});
      out_.pop_front();
      ++first_;
    }
  }

  void read_frames() {
    for (;;) {
      amqp_frame_t frame;
      timeval now{};
      if (amqp_simple_wait_frame_noblock(connection_, &frame, &now) != AMQP_STATUS_OK) return;
      if (frame.frame_type != AMQP_FRAME_METHOD) continue;
      if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
        const auto* const ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
        if (ack->multiple || ack->delivery_tag == first_)
          settle(ack->delivery_tag, true);
        else
          throw std::runtime_error("confirms out of order");
      }
      amqp_maybe_release_buffers(connection_);
    }
  }

  void run() {
    while (!stopping_) {
      pollfd waiting[2] = {{.fd = amqp_get_sockfd(connection_), .events = POLLIN, .revents = 0},
                           {.fd = wake_, .events = POLLIN, .revents = 0}};
      poll(waiting, 2, 1000);
      std::vector<mamey::outgoing_message> taken;
      if (waiting[1].revents != 0) {
        std::uint64_t count = 0;
        if (read(wake_, &count, sizeof count) < 0) continue;
        const std::lock_guard lock(mutex_);
        taken.swap(incoming_);
      }
      for (const auto& each : taken) send(each);
      read_frames();
    }
  }

  mamey::publish_callback done_;
  amqp_connection_state_t connection_ = nullptr;
  int wake_ = -1;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<mamey::outgoing_message> incoming_;
  std::deque<std::uint64_t> out_;
  std::uint64_t first_ = 1;
};

}  // namespace bench
