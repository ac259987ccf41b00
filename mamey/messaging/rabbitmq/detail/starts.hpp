#pragma once

/// @file
/// How often this process was handed a message without an end. The broker does not tell; retries in place (ordered queues, modules without a
/// store) would go on for ever without it. A crash forgets it: for that there is the inbox.

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace mamey::inline v1::rabbitmq_detail {

/// Thread-safe. Of at most so many messages; the longest known is forgotten first.
class starts {
 public:
  explicit starts(std::size_t most = 10'000) : most_(most) {}

  int of(const std::string& queue, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find({queue, id});
    return found == counts_.end() ? 0 : found->second;
  }
  void add(const std::string& queue, const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = counts_.try_emplace({queue, id}, 0);
    ++place->second;
    if (!fresh) return;
    order_.push_back(place->first);
    for (; order_.size() > most_; order_.pop_front()) counts_.erase(order_.front());
  }
  void end(const std::string& queue, const std::string& id) {
    const std::lock_guard lock(mutex_);
    counts_.erase({queue, id});
  }

 private:
  using key = std::pair<std::string, std::string>;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<key, int> counts_;
  std::deque<key> order_;  ///< also of some that have ended
};

}  // namespace mamey::inline v1::rabbitmq_detail
