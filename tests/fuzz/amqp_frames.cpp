// Fed with anything a broker could send, the AMQP machine must stay within its bytes, come to the same events however they arrive, and tell
// nothing after the end.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>
#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>

namespace {

using namespace mamey;
using namespace mamey::rabbitmq_detail;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string frame_of(std::uint16_t channel, amqp_method method, const std::string& arguments) {
  std::string payload, bytes;
  amqp_writer(payload).long_integer(static_cast<std::uint32_t>(method));
  payload += arguments;
  amqp_writer out(bytes);
  out.octet(1);
  out.short_integer(channel);
  out.long_string(payload);
  return bytes + '\xCE';
}

/// Half of the inputs begin behind the handshake, where most of the protocol is.
std::string handshake() {
  std::string start, tune, open;
  amqp_writer begin(start);
  begin.short_integer(9);
  begin.table({});
  begin.long_string("PLAIN");
  begin.long_string("en_US");
  amqp_writer limits(tune);
  limits.short_integer(8);
  limits.long_integer(4096);
  limits.short_integer(10);
  amqp_writer(open).short_string("");
  return frame_of(0, amqp_method::connection_start, start) + frame_of(0, amqp_method::connection_tune, tune) +
         frame_of(0, amqp_method::connection_open_ok, open);
}

struct outcome {
  std::vector<amqp_event_type> events;
  std::vector<std::string> texts;
  bool ended = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome read(const std::uint8_t* data, std::size_t size, std::size_t step) {
  const steady_time now{std::chrono::hours(1)};
  connection_machine machine({.channel_max = 8, .frame_max = 4096, .body_max = 200});
  machine.start(now);
  outcome result;
  if (size > 0 && (data[0] & 1) != 0) {
    machine.receive(handshake(), now);
    require(machine.is_open());
    require(machine.open_channel() == 1 && machine.open_channel() == 2);
    if ((data[0] & 2) != 0) machine.close_channel(2);
    machine.take_events();
  }
  for (std::size_t at = 1; at < size; at += step) {
    const auto count = at + step < size ? step : size - at;
    machine.receive(std::string_view(reinterpret_cast<const char*>(data) + at, count), now);
    for (auto& each : machine.take_events()) {
      require(!result.ended);
      result.ended = each.type == amqp_event_type::closed;
      result.events.push_back(each.type);
      result.texts.push_back(each.text + '\n' + each.body + '\n' + each.properties.message_id);
      if (each.type == amqp_event_type::delivered) {
        require(each.body.size() <= 200);
        const auto message = from_wire(std::move(each.properties), std::move(each.body), each.exchange, each.routing_key, {});
        require(message.id.size() <= longest_short_string);
      }
    }
  }
  require(machine.has_ended() == result.ended);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto whole = read(data, size, size == 0 ? 1 : size);
  require(whole == read(data, size, 1));
  require(whole == read(data, size, 7));
  return 0;
}
