#pragma once

/// @file
/// Declares exchanges, queues and bindings, and remembers them for the next connection.

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <mamey/messaging/rabbitmq/detail/link.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::rabbitmq_detail {

/// Any thread.
class topology_keeper {
 public:
  explicit topology_keeper(rabbitmq_options options);

  /// Declares `wanted` through `link`, each on a scratch channel that a refusal may close. An exchange in another form is used as it is. May
  /// suspend. Throws `unavailable`, and `conflict` for a queue of ours that exists in another form or an exchange of ours that is internal.
  void declare(broker_link& link, const topology& wanted);
  /// Everything that was ever declared, without waiting: for a publishing channel that opens anew. What is refused is logged.
  void declare_again(broker_link& link, std::function<void()> done);

  /// What a queue of these options is declared with: the reference's arguments, so that one shared with a .NET service is the same.
  queue_request request_for(const queue_declaration& queue) const;
  std::string dead_letter_exchange() const;
  static std::string too_large_queue_of(const std::string& queue);

 private:
  struct step;
  std::vector<step> steps_of(const topology& wanted) const;
  void remember(const topology& wanted);
  topology all() const;

  const rabbitmq_options options_;
  mutable std::mutex guard_;
  std::map<std::string, exchange_declaration> exchanges_;
  std::map<std::string, queue_declaration> queues_;
  std::set<std::tuple<std::string, std::string, std::string>> bindings_;
};

}  // namespace mamey::inline v1::rabbitmq_detail
