#pragma once

/// @file
/// One publisher's way out: a channel of the publishing link with confirms, opened again whenever it is lost.

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/confirm_window.hpp>
#include <mamey/messaging/rabbitmq/detail/counters.hpp>
#include <mamey/messaging/rabbitmq/detail/gate.hpp>
#include <mamey/messaging/rabbitmq/detail/topology_keeper.hpp>
#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>

namespace mamey::inline v1::rabbitmq_detail {

class publisher final : public channel_user, public link_observer, public std::enable_shared_from_this<publisher> {
 public:
  publisher(std::shared_ptr<broker_link> link, std::shared_ptr<topology_keeper> topology, wire_format format,
            const rabbitmq_options& options, std::shared_ptr<counters> counted, publish_callback done, channel_state_callback changed);

  // Any thread.
  void start();
  void publish(std::span<const outgoing_message> messages);
  void reset();
  void close();  ///< no callback is running when it returns, none follows

  // On the loop.
  void on_event(amqp_event&& event) override;
  void on_lost(std::string_view reason) override;
  void on_batch_end() override { pump(); }
  void on_up() override;
  void on_down(std::string_view reason) override;
  void on_blocked(bool blocked, std::string_view reason) override;
  void on_written() override { pump(); }

 private:
  enum class state : std::uint8_t { down, opening, ready };

  void open();
  void open_channel(std::uint64_t number);
  void open_later();
  void take_incoming();
  void pump();
  void pump_later(std::chrono::nanoseconds pause);
  bool try_send(const outgoing_message& next);
  void end(const outgoing_message& which, publish_result result, std::string reason);
  void end_all(std::vector<confirm_window::outcome> outcomes);
  void end_pending(std::string_view reason);
  void tell(channel_state now, std::string_view reason);

  const std::shared_ptr<broker_link> link_;
  const std::shared_ptr<topology_keeper> topology_;
  const wire_format format_;
  const rabbitmq_options options_;
  const std::shared_ptr<counters> counted_;
  gate<publish_callback> done_;
  gate<channel_state_callback> changed_;

  std::mutex mutex_;  // guards the next two
  std::vector<outgoing_message> incoming_;
  bool posted_ = false;

  // Of the loop.
  state state_ = state::down;
  bool closed_ = false;
  bool pump_is_due_ = false;
  std::uint16_t channel_ = 0;
  std::uint64_t opening_ = 0;  ///< counts openings: an answer to an earlier one is stale
  confirm_window window_;
  std::deque<outgoing_message> pending_;
  int missed_ = 0;            ///< channels closed since the last confirm for want of an exchange that others declare
  std::string last_closing_;  ///< why the broker closed the last channel, until it confirms again
};

}  // namespace mamey::inline v1::rabbitmq_detail
