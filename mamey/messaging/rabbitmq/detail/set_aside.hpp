#pragma once

/// @file
/// Puts copies of messages into delay queues, and says when the broker has them: only then may the original be acknowledged.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <mamey/messaging/rabbitmq/detail/publisher.hpp>

namespace mamey::inline v1::rabbitmq_detail {

/// On the loop, but for `close`.
class set_aside final : public std::enable_shared_from_this<set_aside> {
 public:
  /// Opens its channel on `link` with the first message.
  set_aside(std::shared_ptr<broker_link> link, std::shared_ptr<topology_keeper> topology, wire_format format,
            const rabbitmq_options& options, std::shared_ptr<counters> counted);
  ~set_aside();

  /// `done` says whether the broker has confirmed the copy; else it may or may not be there. Called once, later, unless `close` comes first.
  void put(envelope message, std::function<void(bool kept)> done);
  void close();

 private:
  void open();
  void ended(std::uint64_t tag, const publish_outcome& what);

  const std::shared_ptr<broker_link> link_;
  const std::shared_ptr<topology_keeper> topology_;
  const wire_format format_;
  const rabbitmq_options options_;
  const std::shared_ptr<counters> counted_;
  std::shared_ptr<publisher> out_;
  std::map<std::uint64_t, std::function<void(bool)>> waiting_;
  std::uint64_t last_tag_ = 0;
};

}  // namespace mamey::inline v1::rabbitmq_detail
