// What a connection can be asked for: each function appends its frames.
#include <algorithm>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>

namespace mamey::inline v1::rabbitmq_detail {

std::uint16_t connection_machine::open_channel() {
  if (state_ != state::open || channels_.size() >= channel_max_) return 0;
  do {
    next_channel_ = next_channel_ >= channel_max_ ? std::uint16_t{1} : static_cast<std::uint16_t>(next_channel_ + 1);
  } while (channels_.contains(next_channel_));
  channels_[next_channel_];
  send_method(next_channel_, amqp_method::channel_open, [](amqp_writer& out) { out.short_string(""); });
  return next_channel_;
}

void connection_machine::close_channel(std::uint16_t channel) {
  const auto found = channels_.find(channel);
  if (found == channels_.end() || found->second.closing) return;
  found->second.closing = true;
  found->second.content.truncated = true;  // the rest of what is under way
  send_method(channel, amqp_method::channel_close, [](amqp_writer& out) {
    out.short_integer(200);
    out.short_string("bye");
    out.long_integer(0);
  });
}

void connection_machine::declare_exchange(std::uint16_t channel, const exchange_request& what) {
  send_method(channel, amqp_method::exchange_declare, [&](amqp_writer& out) {
    out.short_integer(0);
    out.short_string(what.name);
    out.short_string(what.type);
    out.octet(
        static_cast<std::uint8_t>((what.mode == declare_mode::passive ? 1 : 0) | (what.durable ? 2 : 0) | (what.auto_delete ? 4 : 0)));
    out.table({});
  });
}

void connection_machine::declare_queue(std::uint16_t channel, const queue_request& what) {
  send_method(channel, amqp_method::queue_declare, [&](amqp_writer& out) {
    out.short_integer(0);
    out.short_string(what.name);
    out.octet(static_cast<std::uint8_t>((what.mode == declare_mode::passive ? 1 : 0) | (what.durable ? 2 : 0) | (what.exclusive ? 4 : 0) |
                                        (what.auto_delete ? 8 : 0)));
    out.table(what.arguments);
  });
}

void connection_machine::bind_queue(std::uint16_t channel, std::string_view queue, std::string_view exchange,
                                    std::string_view routing_key) {
  send_method(channel, amqp_method::queue_bind, [&](amqp_writer& out) {
    out.short_integer(0);
    out.short_string(queue);
    out.short_string(exchange);
    out.short_string(routing_key);
    out.octet(0);
    out.table({});
  });
}

void connection_machine::limit_unacknowledged(std::uint16_t channel, std::uint32_t bytes, std::uint16_t messages, bool whole_channel) {
  send_method(channel, amqp_method::basic_qos, [&](amqp_writer& out) {
    out.long_integer(bytes);
    out.short_integer(messages);
    out.octet(whole_channel ? 1 : 0);
  });
}

void connection_machine::consume(std::uint16_t channel, std::string_view queue, std::string_view consumer_tag) {
  send_method(channel, amqp_method::basic_consume, [&](amqp_writer& out) {
    out.short_integer(0);
    out.short_string(queue);
    out.short_string(consumer_tag);
    out.octet(0);
    out.table({});
  });
}

void connection_machine::cancel(std::uint16_t channel, std::string_view consumer_tag) {
  send_method(channel, amqp_method::basic_cancel, [&](amqp_writer& out) {
    out.short_string(consumer_tag);
    out.octet(0);
  });
}

void connection_machine::select_confirms(std::uint16_t channel) {
  send_method(channel, amqp_method::confirm_select, [](amqp_writer& out) { out.octet(0); });
}

void connection_machine::publish(std::uint16_t channel, std::string_view exchange, std::string_view routing_key,
                                 const message_properties& properties, std::string_view body) {
  const auto before = output_.size();
  try {
    send_method(channel, amqp_method::basic_publish, [&](amqp_writer& out) {
      out.short_integer(0);
      out.short_string(exchange);
      out.short_string(routing_key);
      out.octet(1);  // mandatory
    });
    amqp_writer out(output_);
    out.octet(header_frame);
    out.short_integer(channel);
    const auto length = out.open_length();
    out.short_integer(basic_class);
    out.short_integer(0);
    out.long_long_integer(body.size());
    out.properties(properties);
    if (output_.size() - length - 4 > frame_max_ - frame_overhead)
      throw malformed("the headers of the message fill more than a frame of " + std::to_string(frame_max_) + " bytes");
    out.close_length(length);
    output_ += frame_end;
    const std::size_t most = frame_max_ - frame_overhead;
    for (; !body.empty(); body.remove_prefix(std::min(most, body.size()))) {
      const auto part = body.substr(0, most);
      out.octet(body_frame);
      out.short_integer(channel);
      out.long_string(part);
      output_ += frame_end;
    }
  } catch (...) {
    output_.resize(before);
    throw;
  }
}

/// The broker ends the whole connection over a method of a channel it has closed. What is settled there comes again anyway.
bool connection_machine::takes_settlements(std::uint16_t channel) const {
  const auto found = channels_.find(channel);
  return found != channels_.end() && !found->second.closing;
}

void connection_machine::acknowledge(std::uint16_t channel, std::uint64_t delivery_tag, bool multiple) {
  if (!takes_settlements(channel)) return;
  send_method(channel, amqp_method::basic_ack, [&](amqp_writer& out) {
    out.long_long_integer(delivery_tag);
    out.octet(multiple ? 1 : 0);
  });
}

void connection_machine::requeue(std::uint16_t channel, std::uint64_t delivery_tag) {
  if (!takes_settlements(channel)) return;
  send_method(channel, amqp_method::basic_nack, [&](amqp_writer& out) {
    out.long_long_integer(delivery_tag);
    out.octet(2);
  });
}

void connection_machine::reject(std::uint16_t channel, std::uint64_t delivery_tag) {
  if (!takes_settlements(channel)) return;
  send_method(channel, amqp_method::basic_nack, [&](amqp_writer& out) {
    out.long_long_integer(delivery_tag);
    out.octet(0);
  });
}

}  // namespace mamey::inline v1::rabbitmq_detail
