#pragma once

/// @file
/// What a publishing channel has sent and not yet heard of. Pure.
///
/// A return comes before its confirm and carries no delivery tag, and a `multiple` confirm covers returned messages too: so returns are
/// matched by message id, and two copies of one id are never out at once. When the broker closes the channel over a publish it does not say
/// which one: all that were out are suspects and go alone from then on; one that makes the broker close the channel again is refused.

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::rabbitmq_detail {

class confirm_window {
 public:
  struct outcome {
    std::uint64_t tag = 0;
    publish_outcome what;
  };

  explicit confirm_window(std::size_t most) : most_(most) {}

  /// Whether a message of this id may follow now.
  bool has_room_for(const std::string& id) const;
  void sent(std::uint64_t tag, const std::string& id);
  /// basic.return.
  void returned(const std::string& id, std::uint16_t code, std::string_view text);
  /// basic.ack or basic.nack of what was sent as number `sequence` on this channel, counted from 1; a number never sent is ignored.
  std::vector<outcome> settled(std::uint64_t sequence, bool multiple, bool taken);
  /// The channel is gone, or given up, for a reason that is none of the messages'.
  std::vector<outcome> give_up(std::string_view reason);
  /// The broker closed the channel over one of the publishes.
  std::vector<outcome> closed_over_a_publish(std::string_view reason);

  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;
  std::size_t in_flight() const noexcept { return unsettled_; }

 private:
  struct entry {
    std::uint64_t tag = 0;
    std::string id;
    std::string returned;  ///< why; empty: it was not
    bool settled = false;
  };
  bool goes_alone(const std::string& id) const { return id.empty() || suspects_.contains(id); }
  void settle(entry& which, bool taken, std::vector<outcome>& into);
  std::vector<outcome> end_all(publish_result result, std::string_view reason);

  const std::size_t most_;
  std::deque<entry> sent_;   ///< from the oldest unsettled one
  std::uint64_t first_ = 1;  ///< sequence of the first of them
  std::size_t unsettled_ = 0;
  std::map<std::string, std::uint64_t> by_id_;  ///< sequence of what is out
  std::set<std::string> suspects_;              ///< bounded: see the source
  std::deque<std::string> suspects_in_order_;
  bool alone_ = false;  ///< what is out is out alone
};

}  // namespace mamey::inline v1::rabbitmq_detail
