#include <mamey/messaging/rabbitmq/detail/connecting.hpp>

#include <algorithm>
#include <charconv>

namespace mamey::inline v1::rabbitmq_detail {

namespace {

constexpr std::chrono::milliseconds first_pause{100};
constexpr std::chrono::seconds healthy_after{5};

}  // namespace

connection_settings settings_of(const rabbitmq_options& options, const std::string& name) {
  return {.user = options.username,
          .password = options.password,
          .virtual_host = options.virtual_host,
          .external = options.ssl.external,
          .connection_name = name,
          .heartbeat = std::chrono::ceil<std::chrono::seconds>(options.requested_heartbeat),
          .channel_max = static_cast<std::uint16_t>(options.requested_channel_max),
          .frame_max = static_cast<std::uint32_t>(options.requested_frame_max),
          .body_max = static_cast<std::uint64_t>(options.max_message_bytes),
          .handshake = options.handshake_continuation_timeout};
}

broker_address address_of(const std::string& host, const rabbitmq_options& options) {
  const auto usual = static_cast<std::uint16_t>(options.port > 0 ? options.port : options.ssl.enabled ? 5671 : 5672);
  const auto colon = host.rfind(':');
  const bool bare_v6 = colon != std::string::npos && host.find(':') != colon && !host.starts_with('[');
  if (colon == std::string::npos || bare_v6) return {host, usual};
  std::uint16_t port = 0;
  const auto [end, wrong] = std::from_chars(host.data() + colon + 1, host.data() + host.size(), port);
  if (wrong != std::errc() || end != host.data() + host.size()) return {host, usual};
  auto name = host.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return {name, port};
}

reconnect_pace::reconnect_pace(std::chrono::milliseconds longest, std::uint64_t seed)
    : random_(static_cast<std::minstd_rand::result_type>(seed % 2147483646 + 1)),
      longest_(std::max(first_pause, longest)),
      pause_(first_pause) {}

std::chrono::milliseconds reconnect_pace::after(bool was_open, std::chrono::nanoseconds so_long) {
  if (was_open && so_long > healthy_after) pause_ = first_pause;
  failures_ = was_open ? 0 : failures_ + 1;
  const auto pause = pause_ + std::chrono::milliseconds(random_() % static_cast<std::uint32_t>(pause_.count() / 4 + 1));
  pause_ = std::min(pause_ * 2, longest_);
  return pause;
}

}  // namespace mamey::inline v1::rabbitmq_detail
