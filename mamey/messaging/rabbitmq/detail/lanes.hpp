#pragma once

/// @file
/// The keys of an ordered queue: of each one message is at work, the others wait for it in the order they came.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace mamey::inline v1::rabbitmq_detail {

/// Deliveries by their tags. Of the loop.
class lanes {
 public:
  /// Whether it is the first of its key, and so may begin.
  bool enter(std::uint64_t delivery_tag, const std::string& key) {
    key_of_[delivery_tag] = key;
    auto& lane = waiting_[key];
    lane.push_back(delivery_tag);
    return lane.size() == 1;
  }
  bool holds(std::uint64_t delivery_tag) const { return key_of_.contains(delivery_tag); }
  /// The first of a key is done with; returns the next one, which may begin.
  std::optional<std::uint64_t> leave(std::uint64_t delivery_tag) {
    const auto keyed = key_of_.extract(delivery_tag);
    if (!keyed) return std::nullopt;
    const auto lane = waiting_.find(keyed.mapped());
    if (lane == waiting_.end()) return std::nullopt;
    lane->second.pop_front();
    if (!lane->second.empty()) return lane->second.front();
    waiting_.erase(lane);
    return std::nullopt;
  }
  void clear() {
    key_of_.clear();
    waiting_.clear();
  }

 private:
  std::map<std::uint64_t, std::string> key_of_;
  std::map<std::string, std::deque<std::uint64_t>> waiting_;  ///< the first is at work
};

}  // namespace mamey::inline v1::rabbitmq_detail
