#pragma once

/// @file
/// What connections are made with: where to, as whom, and how often they are tried. Pure.

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include <mamey/messaging/rabbitmq/detail/amqp_connection_machine.hpp>
#include <mamey/messaging/rabbitmq/options.hpp>

namespace mamey::inline v1::rabbitmq_detail {

struct broker_address {
  std::string host;
  std::uint16_t port = 0;
};

/// Of `name`, `name:port` or `[v6 address]:port`, as in `hostNames`.
broker_address address_of(const std::string& host, const rabbitmq_options& options);

connection_settings settings_of(const rabbitmq_options& options, const std::string& name);

/// Pauses that grow while the broker is away.
class reconnect_pace {
 public:
  reconnect_pace(std::chrono::milliseconds longest, std::uint64_t seed);
  /// How long to wait after all hosts were tried, or after a connection that was open for so long.
  std::chrono::milliseconds after(bool was_open, std::chrono::nanoseconds so_long);
  /// A first failure may be a broker that is just coming.
  bool is_hopeful() const noexcept { return failures_ < 2; }

 private:
  std::minstd_rand random_;
  std::chrono::milliseconds longest_, pause_;
  int failures_ = 0;  ///< in a row
};

}  // namespace mamey::inline v1::rabbitmq_detail
