#pragma once

/// @file
/// The bookkeeping of the in-process transport: queues, who holds what, and when a publication has come to its end.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::detail {

/// Callbacks into a publisher or consumer, until it closes: none is running once `close` has returned.
template <class Callback>
class gate {
 public:
  explicit gate(Callback callback) : callback_(std::move(callback)) {}
  template <class... Arguments>
  void call(Arguments&&... arguments) {
    const std::lock_guard lock(mutex_);
    if (open_ && callback_) callback_(std::forward<Arguments>(arguments)...);
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  Callback callback_;
  bool open_ = true;
};

/// Any thread. Everything that calls out runs on the loop and without the lock (`pump`).
class in_process_bus : public std::enable_shared_from_this<in_process_bus> {
 public:
  explicit in_process_bus(event_loop& loop) : loop_(loop) {}

  void declare(const topology& wanted);

  std::uint64_t open_channel(publish_callback done);
  void publish(std::uint64_t channel, std::span<const outgoing_message> messages);
  void reset(std::uint64_t channel);
  void close_channel(std::uint64_t channel);

  std::uint64_t subscribe(const queue_options& options, delivery_callback deliver);
  void cancel(std::uint64_t consumer);
  void close_consumer(std::uint64_t consumer);

  struct settled {
    bool done = false;  ///< acknowledged; else given back
    std::chrono::milliseconds delay{};
    start_counting counting = start_counting::counted;
  };
  void settle(const std::string& in, std::uint64_t number, std::uint64_t consumer, const settled& how);

 private:
  using publisher_gate = gate<publish_callback>;
  using consumer_gate = gate<delivery_callback>;

  /// One publish, waiting for its subscriptions.
  struct publication {
    std::uint64_t channel = 0;
    std::uint64_t tag = 0;
    std::shared_ptr<const envelope> message;
    bool maybe_sent = false;
    std::size_t unsettled = 0;
    bool handed_out = false;  ///< somebody may have seen it without settling it
    bool ended = false;
  };
  using publication_ptr = std::shared_ptr<publication>;

  /// A publication in one queue.
  struct item {
    publication_ptr of;
    bool redelivered = false;
    int starts = 0;
    steady_time visible_at = steady_time::min();
    std::uint64_t with = 0;  ///< consumer that has it; 0: none
  };

  struct queue {
    bool ordered = false;
    std::map<std::uint64_t, item> items;  ///< by arrival: an item given back keeps its place
    std::vector<std::uint64_t> consumers;
    std::size_t next_consumer = 0;
    bool stopped = false;  ///< its last consumer has gone: nothing waits for another
  };

  struct consumer_entry {
    std::string queue;
    std::size_t prefetch = 1;
    std::size_t held = 0;
    std::shared_ptr<consumer_gate> deliver;
  };

  struct outcome {
    std::shared_ptr<publisher_gate> to;
    std::uint64_t tag = 0;
    publish_outcome what;
  };
  struct handover {
    std::shared_ptr<consumer_gate> to;
    delivery what;
  };

  void accept(const publication_ptr& made, steady_time send_before);
  void end(const publication_ptr& which, publish_outcome what);
  void fail(const publication_ptr& which, const std::string& reason);
  void fail_waiting(queue& in, const std::string& reason);
  std::uint64_t consumer_with_room(queue& from);
  steady_time hand_out(const std::string& name, queue& from, std::vector<handover>& ready);
  void wake();
  void pump();
  void set_timer(steady_time at);

  event_loop& loop_;
  std::mutex mutex_;                                                               ///< guards what follows, up to the timer
  std::map<std::pair<std::string, std::string>, std::set<std::string>> bindings_;  ///< (exchange, routing key) to queues
  std::map<std::string, queue> queues_;
  std::map<std::uint64_t, consumer_entry> consumers_;
  std::map<std::uint64_t, std::shared_ptr<publisher_gate>> channels_;
  std::map<std::uint64_t, std::map<std::uint64_t, publication_ptr>> open_;  ///< by channel and tag
  std::vector<outcome> outcomes_;
  std::uint64_t next_ = 0;
  bool pump_posted_ = false;

  std::uint64_t timer_ = 0;  ///< loop thread only, as the next
  steady_time timer_at_ = steady_time::max();
};

}  // namespace mamey::inline v1::detail
