#pragma once

/// @file
/// For providers and the framework.
/// Durable queues in a database that several processes share: the base of the SQL transport. Persistence providers implement it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// A message taken from a queue. `starts` counts takes, with this one, so that a message that kills its process is recognised.
struct queued_message {
  std::int64_t sequence = 0;
  envelope message;
  int starts = 0;
  bool maybe_sent = false;  ///< another copy of it may have been handed out
};

struct queue_publication {
  envelope message;
  bool maybe_sent = false;  ///< an earlier send may have arrived
};

class durable_queues {
 public:
  virtual ~durable_queues() = default;
  /// Declares a queue and binds it: messages published to `exchange` with `routing_key` are copied into it. Idempotent, durable.
  virtual void bind(const std::string& queue, const std::string& exchange, const std::string& routing_key) = 0;
  virtual void unbind(const std::string& queue, const std::string& exchange, const std::string& routing_key) = 0;
  /// Stores one copy per bound queue in one durable commit. Returns, for each message, the number of queues it went to (0: unroutable).
  virtual std::vector<int> publish(std::span<const queue_publication> messages) = 0;
  /// Stores directly into one queue (a retry goes to the failing subscription only), visible after `delay`.
  virtual void put(const std::string& queue, const envelope& message, std::chrono::milliseconds delay) = 0;

  struct taken {
    std::string token;
    std::vector<queued_message> messages;
  };
  /// Takes up to `most` visible messages under a lease. A message whose last lease ended without an outcome may have killed its process: at
  /// most one such message is taken at a time, so that messages which were merely leased beside it are charged no start. `ordered`: takes
  /// only the head of a key, and only while no message of that key is leased.
  virtual taken take(const std::string& queue, std::size_t most, std::chrono::milliseconds lease, bool ordered) = 0;
  /// Acknowledges: deletes. Applies whatever the token.
  virtual void remove(std::span<const std::int64_t> sequences) = 0;
  /// Gives back: visible after `delay`. With `counted` false the start is taken back. Needs the token; returns how many messages were given
  /// back.
  virtual std::size_t give_back(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds delay,
                                bool counted) = 0;
  virtual std::size_t renew(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) = 0;
  virtual std::int64_t depth(const std::string& queue) = 0;
  /// Calls back when new messages may be there: at once for publishers of this process, by polling for other processes.
  virtual void on_publish(std::function<void()> wake) = 0;
};

}  // namespace mamey::inline v1
