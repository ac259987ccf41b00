#pragma once

/// @file
/// One consumer: a channel of the consuming link, what it was handed and how that is settled. It lives as long as its channel: after that its
/// settlements are dropped, because what they settle comes again.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <mamey/messaging/rabbitmq/detail/counters.hpp>
#include <mamey/messaging/rabbitmq/detail/gate.hpp>
#include <mamey/messaging/rabbitmq/detail/lanes.hpp>
#include <mamey/messaging/rabbitmq/detail/link.hpp>
#include <mamey/messaging/rabbitmq/detail/set_aside.hpp>
#include <mamey/messaging/rabbitmq/detail/settlements.hpp>
#include <mamey/messaging/rabbitmq/detail/starts.hpp>
#include <mamey/messaging/rabbitmq/detail/verdicts.hpp>
#include <mamey/messaging/rabbitmq/detail/wire_message.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::rabbitmq_detail {

class subscriber final : public channel_user, public verdict_taker, public std::enable_shared_from_this<subscriber> {
 public:
  subscriber(std::shared_ptr<broker_link> link, wire_format format, const rabbitmq_options& options, queue_options what,
             std::shared_ptr<counters> counted, std::shared_ptr<starts> known_starts, std::shared_ptr<set_aside> aside,
             delivery_callback deliver, consumer_state_callback changed);

  /// Waits until the broker has accepted it. May suspend. Throws `unavailable`, `not_found`.
  void start();
  void cancel();  ///< see consumer::cancel
  void close();   ///< see consumer::close

  void settle(const verdict& how) noexcept override;

  // On the loop.
  void on_event(amqp_event&& event) override;
  void on_lost(std::string_view reason) override;

 private:
  struct held {
    std::uint64_t delivery_tag = 0;
    std::shared_ptr<const envelope> message;
    bool redelivered = false;
    bool too_large = false;  ///< its body was not received
    int earlier_starts = 0;  ///< before it came from a delay queue
  };

  void take_verdicts();
  void carry_out(const verdict& how);
  void give_back(std::uint64_t delivery_tag);
  void give_back_later(std::uint64_t delivery_tag, std::chrono::milliseconds delay);
  bool delay_at_broker(const verdict& how);
  void delayed(std::uint64_t delivery_tag, std::chrono::milliseconds delay, bool kept);
  void acknowledge_due();
  void close_channel();
  void hand_out(std::uint64_t delivery_tag);
  void refuse_too_large(const held& which);
  /// An ordered queue's followers come next.
  void leave_lane(std::uint64_t delivery_tag);
  void later(std::chrono::milliseconds delay, std::function<void(subscriber&)> work);
  void end(consumer_state how, std::string_view reason);
  bool alive() const { return channel_ != 0 && link_->is_open(); }

  const std::shared_ptr<broker_link> link_;
  const wire_format format_;
  const rabbitmq_options options_;
  const queue_options what_;
  const std::shared_ptr<counters> counted_;
  const std::shared_ptr<starts> starts_;
  const std::shared_ptr<set_aside> aside_;
  gate<delivery_callback> deliver_;
  gate<consumer_state_callback> changed_;
  const std::string tag_;

  verdicts verdicts_;

  semaphore started_{0}, closed_{0};
  std::mutex answer_;  // guards the next two
  std::uint16_t refused_code_ = 0;
  std::string refused_reason_;

  // Of the loop.
  std::uint16_t channel_ = 0;
  bool consuming_ = false, cancelled_ = false, closing_ = false, leaving_ = false, ended_ = false;
  settlements out_;
  std::map<std::uint64_t, held> held_;  ///< what is out
  std::set<std::uint64_t> on_its_way_;  ///< of these, into a delay queue: acknowledged when it is there
  lanes lanes_;                         ///< ordered: what has a key
  std::set<std::uint64_t> too_large_;   ///< of what is out: kept, for nobody to handle
};

}  // namespace mamey::inline v1::rabbitmq_detail
