#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>

#include <algorithm>

#include <mamey/core/invariants.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

constexpr std::string_view protocol_header{"AMQP\0\0\x09\x01", 8};

}  // namespace

connection_machine::connection_machine(connection_settings settings)
    : settings_(std::move(settings)), channel_max_(settings_.channel_max), frame_max_(largest_first_frame) {}

// -- life ---------------------------------------------------------------------------------------------------------------

void connection_machine::start(steady_time now) {
  const detail::invariants_after asserted(*this, "connection_machine");
  output_ += protocol_header;
  state_ = state::awaiting_start;
  deadline_ = now + settings_.handshake;
  last_received_ = last_sent_ = now;
}

steady_time connection_machine::wake_at() const noexcept {
  if (state_ == state::closed || state_ == state::idle) return steady_time::max();
  auto at = deadline_;
  if (heartbeat_.count() > 0) at = std::min({at, last_sent_ + heartbeat_ / 2, last_received_ + heartbeat_ * 2});
  return at;
}

void connection_machine::tick(steady_time now) {
  const detail::invariants_after asserted(*this, "connection_machine");
  if (state_ == state::closed || state_ == state::idle) return;
  if (now >= deadline_)
    return end(0, state_ == state::closing ? "the broker did not answer the close" : "the broker did not finish the handshake in time");
  if (heartbeat_.count() == 0) return;
  if (now >= last_received_ + heartbeat_ * 2)
    return end(0, "no heartbeat of the broker for " + std::to_string(heartbeat_.count() * 2) + " s");
  if (now < last_sent_ + heartbeat_ / 2) return;
  amqp_writer out(output_);
  out.octet(heartbeat_frame);
  out.short_integer(0);
  out.long_integer(0);
  output_ += frame_end;
  last_sent_ = now;
}

void connection_machine::lost(std::string_view reason) {
  const detail::invariants_after asserted(*this, "connection_machine");
  if (state_ == state::closed) return;
  // RabbitMQ closes the socket without an error frame when the credentials or the virtual host are wrong and the client claims no
  // capability for it.
  end(0, std::string(reason));
}

void connection_machine::end(std::uint16_t code, std::string text, amqp_method method) {
  state_ = state::closed;
  channels_.clear();
  input_.clear();
  auto& last = emit(amqp_event_type::closed);
  last.code = code;
  last.text = std::move(text);
  last.method = method;
}

void connection_machine::close(steady_time now) {
  const detail::invariants_after asserted(*this, "connection_machine");
  if (state_ == state::closed) return;
  if (state_ != state::open) return end(0, "closed before it was open");
  send_method(0, amqp_method::connection_close, [](amqp_writer& out) {
    out.short_integer(200);
    out.short_string("bye");
    out.long_integer(0);
  });
  state_ = state::closing;
  deadline_ = now + settings_.handshake;
}

std::string_view connection_machine::check() const {
  const bool has_channels = state_ == state::open || state_ == state::closing;
  if (!has_channels && !channels_.empty()) return "only an open connection has channels";
  if (state_ == state::closed && !input_.empty()) return "a connection that has ended keeps no input";
  if (state_ != state::idle && state_ != state::open && state_ != state::closed && deadline_ == steady_time::max())
    return "handshake and closing have a deadline";
  if (input_.size() >= std::max(frame_max_, largest_first_frame)) return "less than one frame is kept";
  for (const auto& [number, each] : channels_) {
    if (number == 0 || number > channel_max_) return "channels have numbers that both sides have agreed on";
    if (each.header_due && each.body_due) return "a header comes before its body";
    if (each.body_due != (each.body_left > 0)) return "a body is due as long as some of it is missing";
    if (each.content.body.size() > settings_.body_max) return "a body that is too large is not kept";
  }
  return {};
}

amqp_event& connection_machine::emit(amqp_event_type type, std::uint16_t channel) {
  auto& made = events_.emplace_back();
  made.type = type;
  made.channel = channel;
  return made;
}

// -- frames -------------------------------------------------------------------------------------------------------------

void connection_machine::receive(std::string_view bytes, steady_time now) {
  const detail::invariants_after asserted(*this, "connection_machine");
  if (state_ == state::closed || state_ == state::idle) return;
  last_received_ = now;
  // What is complete is read where it lies; only a started frame is kept.
  if (!input_.empty()) input_ += bytes;
  std::string_view rest = input_.empty() ? bytes : std::string_view(input_);
  const bool kept = !input_.empty();
  try {
    while (rest.size() >= frame_overhead - 1 && state_ != state::closed) {
      if (state_ == state::awaiting_start && rest.starts_with("AMQP")) throw malformed("the broker speaks another version of AMQP");
      if (state_ == state::awaiting_start && rest.starts_with("\x15\x03"))
        throw malformed("the broker speaks TLS on this port, and ssl.enabled is false");
      amqp_reader head(rest.substr(0, 7));
      const auto type = head.octet();
      const auto channel = head.short_integer();
      const auto size = head.long_integer();
      if (size > frame_max_ - frame_overhead)
        throw malformed("a frame of " + std::to_string(size) + " bytes, where " + std::to_string(frame_max_ - frame_overhead) +
                        " are allowed");
      if (rest.size() < size + frame_overhead) break;
      if (rest[size + 7] != frame_end) throw malformed("a frame without its end mark");
      const auto payload = rest.substr(7, size);
      rest.remove_prefix(size + frame_overhead);
      frame(type, channel, payload, now);
    }
  } catch (const malformed& wrong) {
    return end(501, std::string("the broker broke the protocol: ") + wrong.what());
  }
  if (state_ == state::closed) return;
  if (kept)
    input_.erase(0, input_.size() - rest.size());
  else
    input_ = rest;
}

void connection_machine::frame(std::uint8_t type, std::uint16_t channel, std::string_view payload, steady_time now) {
  amqp_reader from(payload);
  switch (type) {
    case method_frame: {
      const auto method = static_cast<amqp_method>(from.long_integer());
      return on_method(channel, method, from, now);
    }
    case header_frame:
      return on_header(channel, from);
    case body_frame:
      return on_body(channel, payload);
    case heartbeat_frame:
      return;
    default:
      throw malformed("a frame of unknown type " + std::to_string(type));
  }
}

connection_machine::channel_state& connection_machine::channel_of(std::uint16_t channel) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) throw malformed("a frame for channel " + std::to_string(channel) + ", which is not open");
  return found->second;
}

void connection_machine::on_method(std::uint16_t channel, amqp_method method, amqp_reader& from, steady_time now) {
  if (channel == 0) return on_connection_method(method, from, now);
  if (state_ == state::closing) return;
  auto& at = channel_of(channel);
  if (at.header_due || at.body_due) throw malformed("a method where the content of the one before is due");
  if (at.closing && method != amqp_method::channel_close_ok && method != amqp_method::channel_close) {
    // Content of a dropped method is dropped with it.
    if (method == amqp_method::basic_deliver || method == amqp_method::basic_return) begin_content(at, {});
    return;
  }
  on_channel_method(channel, method, from);
}

void connection_machine::on_channel_method(std::uint16_t channel, amqp_method method, amqp_reader& from) {
  using enum amqp_method;
  auto& at = channels_.at(channel);
  switch (method) {
    case channel_open_ok:
      emit(amqp_event_type::channel_opened, channel);
      return;
    case channel_close: {
      const auto code = from.short_integer();
      std::string text(from.short_string());
      const auto wrong = static_cast<amqp_method>(from.long_integer());
      send_method(channel, channel_close_ok, [](amqp_writer&) {});
      if (at.closing) return;  // both at once: the answer to ours is still to come
      auto& told = emit(amqp_event_type::channel_closed, channel);
      told.code = code;
      told.text = std::move(text);
      told.method = wrong;
      channels_.erase(channel);
      return;
    }
    case channel_close_ok:
      if (!at.closing) throw malformed("a close-ok that nobody asked for");
      emit(amqp_event_type::channel_closed, channel);
      channels_.erase(channel);
      return;
    case channel_flow: {
      const auto active = from.octet();
      send_method(channel, channel_flow_ok, [&](amqp_writer& out) { out.octet(active); });
      return;
    }
    case queue_declare_ok: {
      (void)from.short_string();
      const auto messages = from.long_integer();
      auto& told = emit(amqp_event_type::answered, channel);
      told.method = method;
      told.messages = messages;
      return;
    }
    case exchange_declare_ok:
    case queue_bind_ok:
    case basic_qos_ok:
    case basic_cancel_ok:
    case confirm_select_ok:
    case basic_consume_ok:
      emit(amqp_event_type::answered, channel).method = method;
      return;
    case basic_cancel: {
      std::string tag(from.short_string());
      const bool no_answer = from.octet() != 0;
      if (!no_answer) send_method(channel, basic_cancel_ok, [&](amqp_writer& out) { out.short_string(tag); });
      emit(amqp_event_type::consumer_cancelled, channel).consumer_tag = std::move(tag);
      return;
    }
    case basic_deliver: {
      amqp_event content;
      content.type = amqp_event_type::delivered;
      content.channel = channel;
      content.consumer_tag = from.short_string();
      content.delivery_tag = from.long_long_integer();
      content.redelivered = from.octet() != 0;
      content.exchange = from.short_string();
      content.routing_key = from.short_string();
      return begin_content(at, std::move(content));
    }
    case basic_return: {
      amqp_event content;
      content.type = amqp_event_type::returned;
      content.channel = channel;
      content.code = from.short_integer();
      content.text = from.short_string();
      content.exchange = from.short_string();
      content.routing_key = from.short_string();
      return begin_content(at, std::move(content));
    }
    case basic_ack:
    case basic_nack: {
      const auto tag = from.long_long_integer();
      const bool multiple = (from.octet() & 1) != 0;
      auto& told = emit(method == basic_ack ? amqp_event_type::confirmed : amqp_event_type::refused, channel);
      told.delivery_tag = tag;
      told.multiple = multiple;
      return;
    }
    default:
      throw malformed("an unexpected method " + std::to_string(static_cast<std::uint32_t>(method) >> 16) + "." +
                      std::to_string(static_cast<std::uint32_t>(method) & 0xFFFF));
  }
}

// -- content ------------------------------------------------------------------------------------------------------------

void connection_machine::begin_content(channel_state& at, amqp_event&& content) {
  at.content = std::move(content);
  at.header_due = true;
}

void connection_machine::on_header(std::uint16_t channel, amqp_reader& from) {
  if (state_ == state::closing) return;
  auto& at = channel_of(channel);
  if (!at.header_due) throw malformed("a content header that nothing announced");
  if (from.short_integer() != basic_class) throw malformed("content of an unknown class");
  from.short_integer();  // weight
  at.header_due = false;
  at.body_left = from.long_long_integer();
  at.content.properties = from.properties();
  if (at.body_left > settings_.body_max || at.closing)
    at.content.truncated = true;
  else
    at.content.body.reserve(at.body_left < 65'536 ? static_cast<std::size_t>(at.body_left) : 65'536);  // the rest only as it comes
  at.body_due = at.body_left > 0;
  if (!at.body_due) finish_content(at);
}

void connection_machine::on_body(std::uint16_t channel, std::string_view payload) {
  if (state_ == state::closing) return;
  auto& at = channel_of(channel);
  if (!at.body_due) throw malformed("a body that nothing announced");
  if (payload.size() > at.body_left) throw malformed("a body longer than its header says");
  if (!at.content.truncated) at.content.body += payload;
  at.body_left -= payload.size();
  if (at.body_left > 0) return;
  at.body_due = false;
  finish_content(at);
}

void connection_machine::finish_content(channel_state& at) {
  if (!at.closing) events_.push_back(std::move(at.content));
  at.content = {};
}

}  // namespace mamey::inline v1::rabbitmq_detail
