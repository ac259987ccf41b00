#pragma once

/// @file
/// Declares exchanges, queues and bindings, and remembers them for the next connection.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <mamey/messaging/rabbitmq/detail/link.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::rabbitmq_detail {

struct topology_step;

/// Any thread.
class topology_keeper : public std::enable_shared_from_this<topology_keeper> {
 public:
  explicit topology_keeper(rabbitmq_options options);

  /// Declares `wanted` through `link`, the consuming connection, each on a scratch channel that a refusal may close. An exchange in another
  /// form is used as it is. An exchange of another service is only looked for, until its owner has had the time to declare it. May suspend.
  /// Throws as `transport::declare`.
  void declare(broker_link& link, const topology& wanted);
  /// Everything that was ever declared, without waiting: for a publishing channel that opens anew. What is refused is logged. What belongs
  /// to one connection (exclusive queues) is left to the consuming one.
  void declare_again(broker_link& link, std::function<void()> done);
  /// Declares exchanges and bindings again every few seconds, on the consuming connection, as long as both live. Somebody may have deleted
  /// an exchange, and the bindings of all queues with it; the next publisher declared the exchange alone.
  void keep_up(const std::shared_ptr<broker_link>& link);
  /// How long to hold messages back: an exchange has just been made, and who waited for it is about to bind. Longer after an exchange was
  /// deleted while we ran: its listeners notice within a turn of `keep_up`.
  std::chrono::nanoseconds time_for_listeners() const;
  /// A message found no queue. Shows in `trouble` for a while when its exchange was deleted under us and made again.
  void note_unroutable(const std::string& exchange);
  /// What the operator should know; empty when there is nothing.
  std::string trouble() const;
  /// A message was sent to an exchange that is not there: declared from now on, as .NET declares what attributes of messages name, unless
  /// it is our own and declared by others. Empty then; else what to do about it.
  std::string missing_while_publishing(const std::string& exchange);

  /// The arguments of a queue with these options: those of .NET Mamey (Convey), so that a shared queue is the same.
  queue_request request_for(const queue_declaration& queue) const;
  std::string dead_letter_exchange() const;
  static std::string too_large_queue_of(const std::string& queue);

 private:
  enum class connection : std::uint8_t { publishing, consuming };
  enum class extent : std::uint8_t { everything, what_is_missing };
  std::vector<topology_step> steps_of(const topology& wanted, connection on);
  std::vector<topology_step> steps_of_look();
  topology_step binding_step(const queue_binding& wanted) const;
  void look_later(const std::weak_ptr<broker_link>& link, std::chrono::nanoseconds pause);
  void look(const std::shared_ptr<broker_link>& link);
  std::chrono::nanoseconds end_of_look(const std::vector<std::string>& missing, std::string failure);
  void found(const std::string& exchange);
  void made(const std::string& exchange);
  void add_look(std::vector<topology_step>& steps, const exchange_request& wanted);
  void add_exchange(std::vector<topology_step>& steps, const exchange_declaration& wanted, extent how_much);
  void add_dead_letters(std::vector<topology_step>& steps, const topology& wanted, const queue_declaration& queue) const;
  void add_queue(std::vector<topology_step>& steps, const queue_declaration& queue, connection on) const;
  bool is_own(const std::string& exchange) const { return exchange == options_.exchange.name || exchange == published_as_; }
  bool has_waited(const std::string& exchange) const;
  void remember(const topology& wanted);
  void remember_missing(const std::string& exchange);
  void remember_found(const topology& wanted, const std::set<std::string>& missing);
  topology all() const;

  const rabbitmq_options options_;
  std::atomic<std::int64_t> held_until_{0};  ///< nobody publishes before: an exchange was made; 0: never
  const std::string published_as_;           ///< our exchange's name in the casing of the conventions: what messages are published to
  mutable std::mutex guard_;                 ///< guards the rest
  std::map<std::string, exchange_declaration> exchanges_;
  std::map<std::string, queue_declaration> queues_;
  std::set<std::tuple<std::string, std::string, std::string>> bindings_;
  std::map<std::string, steady_time> missing_since_;  ///< exchanges of other services
  mutable std::set<std::string> looked_for_;          ///< earlier names of queues
  std::set<std::string> present_;                     ///< exchanges that were there at some time
  std::map<std::string, steady_time> remade_;         ///< of these, those that were gone and that we have made again
  std::map<std::string, steady_time> unheard_;        ///< of these, those to which a message found no queue since, and when last
  std::string told_;                                  ///< why the last look failed
};

}  // namespace mamey::inline v1::rabbitmq_detail
