#pragma once

/// @file
/// A broker with one exchange and one queue, and the troubles brokers have: lost publishes, lost confirms, nacks, outages, duplicates,
/// reordering.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "world.hpp"

namespace mamey::simulation {

class broker_model {
 public:
  explicit broker_model(world& in) : world_(in) {}

  // Publishing.
  std::uint64_t open_channel(relay_process& owner);
  void close_channel(std::uint64_t number);
  void publish(std::uint64_t on, const outgoing_message& message);

  // Consuming.
  struct handed {
    std::uint64_t item = 0;
    std::shared_ptr<const envelope> message;
    bool redelivered = false;
    int starts = 0;
  };
  std::uint64_t connect(consumer_process& consumer);
  /// Its unacknowledged messages go back.
  void disconnect(std::uint64_t connection);
  void acknowledge(std::uint64_t connection, std::uint64_t item);
  void give_back(std::uint64_t connection, std::uint64_t item, span delay, start_counting counting);
  void pump();

  void set_down(bool down);
  void set_blocked(bool blocked);
  /// Ends a random consumer's connection.
  void break_a_consumer(bool cancelled);
  bool empty() const { return queue_.empty() && in_transit_ == 0; }

 private:
  struct channel {
    relay_process* owner = nullptr;
    span last_arrival{};
    std::set<std::uint64_t> unconfirmed;
  };
  struct item {
    std::shared_ptr<const envelope> message;
    bool redelivered = false;
    int starts = 0;
    span visible_at{};
    std::uint64_t with = 0;  ///< connection that has it; 0: none
  };
  void arrive(std::uint64_t on, std::uint64_t tag, const std::shared_ptr<const envelope>& message);
  void answer(std::uint64_t on, std::uint64_t tag, relay_event event, std::string reason = {}, bool untouched = false);
  void enqueue(const std::shared_ptr<const envelope>& message);
  std::map<std::uint64_t, item>::iterator next_for(std::uint64_t connection);

  world& world_;
  std::map<std::uint64_t, channel> channels_;
  std::map<std::uint64_t, consumer_process*> connections_;
  std::map<std::uint64_t, item> queue_;
  std::uint64_t next_channel_ = 0, next_connection_ = 0, next_item_ = 0;
  std::size_t in_transit_ = 0;
  bool down_ = false, blocked_ = false;
};

}  // namespace mamey::simulation
