// Channel 0: logging in, agreeing on limits, blocking, and the end.
#include <algorithm>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

constexpr std::uint32_t smallest_frame_max = 4096;  // specification §4.2.3

std::chrono::seconds shorter(std::chrono::seconds ours, std::chrono::seconds theirs) {
  if (ours.count() == 0 || theirs.count() == 0) return std::max(ours, theirs);
  return std::min(ours, theirs);
}
template <class Number>
Number smaller(Number ours, Number theirs) {  // 0 is "no limit"
  if (ours == 0 || theirs == 0) return std::max(ours, theirs);
  return std::min(ours, theirs);
}

}  // namespace

void connection_machine::on_connection_method(amqp_method method, amqp_reader& from, steady_time now) {
  using enum amqp_method;
  const auto expect = [&](state wanted) {
    if (state_ != wanted) throw malformed("a step of the handshake out of order");
  };
  if (method == connection_close) {
    const auto code = from.short_integer();
    std::string text(from.short_string());
    const auto wrong = static_cast<amqp_method>(from.long_integer());
    send_method(0, connection_close_ok, [](amqp_writer&) {});
    return end(code, std::move(text), wrong);
  }
  if (method == connection_close_ok && state_ == state::closing) return end(0, "closed");
  if (state_ == state::closing) return;
  switch (method) {
    case connection_start: {
      expect(state::awaiting_start);
      from.short_integer();  // version 0-9, as we asked for it
      from.table();
      send_start_ok(from.long_string());
      state_ = state::awaiting_tune;
      return;
    }
    case connection_secure:
      throw malformed("the broker asks for more than user and password");
    case connection_tune: {
      expect(state::awaiting_tune);
      channel_max_ = smaller(settings_.channel_max, from.short_integer());
      if (channel_max_ == 0) channel_max_ = 65'535;
      const auto agreed = smaller(settings_.frame_max, from.long_integer());
      frame_max_ = agreed == 0 ? largest_first_frame : std::max(agreed, smallest_frame_max);
      heartbeat_ = shorter(settings_.heartbeat, std::chrono::seconds(from.short_integer()));
      send_method(0, connection_tune_ok, [&](amqp_writer& out) {
        out.short_integer(channel_max_);
        out.long_integer(frame_max_);
        out.short_integer(static_cast<std::uint16_t>(heartbeat_.count()));
      });
      send_method(0, connection_open, [&](amqp_writer& out) {
        out.short_string(settings_.virtual_host);
        out.short_string("");
        out.octet(0);
      });
      last_sent_ = now;
      state_ = state::awaiting_open;
      return;
    }
    case connection_open_ok:
      expect(state::awaiting_open);
      state_ = state::open;
      deadline_ = steady_time::max();
      emit(amqp_event_type::opened);
      return;
    case connection_blocked:
      expect(state::open);
      blocked_ = true;
      emit(amqp_event_type::blocked).text = from.short_string();
      return;
    case connection_unblocked:
      expect(state::open);
      blocked_ = false;
      emit(amqp_event_type::unblocked);
      return;
    default:
      throw malformed("an unexpected method on channel 0");
  }
}

void connection_machine::send_start_ok(std::string_view mechanisms) {
  const std::string_view wanted = settings_.external ? "EXTERNAL" : "PLAIN";
  if ((" " + std::string(mechanisms) + " ").find(" " + std::string(wanted) + " ") == std::string::npos)
    throw malformed("the broker offers " + std::string(mechanisms) + " to log in, not " + std::string(wanted));
  send_method(0, amqp_method::connection_start_ok, [&](amqp_writer& out) {
    const auto whole = out.open_length();
    const auto text = [&](std::string_view name, std::string_view content) {
      out.short_string(name);
      out.octet('S');
      out.long_string(content);
    };
    text("product", "mamey");
    text("platform", "C++");
    if (!settings_.connection_name.empty()) text("connection_name", settings_.connection_name);
    out.short_string("capabilities");
    out.octet('F');
    // authentication_failure_close: a wrong password is answered with a reason instead of a closed socket.
    out.table({{"publisher_confirms", true},
               {"basic.nack", true},
               {"consumer_cancel_notify", true},
               {"connection.blocked", true},
               {"authentication_failure_close", true}});
    out.close_length(whole);
    out.short_string(wanted);
    using namespace std::string_literals;
    out.long_string(settings_.external ? ""s : "\0"s + settings_.user + "\0"s + settings_.password);
    out.short_string("en_US");
  });
}

}  // namespace mamey::inline v1::rabbitmq_detail
