#include <mamey/messaging/relay_machine.hpp>

#include <algorithm>
#include <set>
#include <utility>

// Destinations that the broker does not take at present.
namespace mamey::inline v1 {

namespace {
constexpr std::size_t most_idle = 1024;          // closed destinations to which no row in hand goes
constexpr std::chrono::milliseconds spacing{1};  // of rows that were put back: they cost the store at most a thousand claims per second
}  // namespace

/// A nack does not say whose fault it is. The destination waits in any case. A second nack of one message, while others were confirmed
/// between the two, is a refusal of this message; when nothing is confirmed, the broker is in trouble and no attempt is counted.
void relay_machine::nacked(steady_time now, std::int64_t sequence, row& which, const std::string& reason) {
  ++counts_.nacked;
  close_destination(now, which, reason);
  const bool others_were_taken = which.nacked_at.has_value() && counts_.confirmed > *which.nacked_at;
  if (!which.nacked_at) which.nacked_at = counts_.confirmed;
  if (!others_were_taken || stopping_) return fault(sequence, which, false);
  ++counts_.refused;
  refuse(sequence, which, reason);
}

void relay_machine::close_destination(steady_time now, row& which, std::string reason) {
  const bool was_probe = which.probe;
  end_probe(which);
  if (which.to == nullptr) {
    if (closed_.size() >= most_idle) forget_idle_destinations();
    auto& made = closed_[{which.message->exchange, which.message->routing_key}];
    made.pause = settings_.shortest_pause;
    for (auto& [sequence, each] : rows_) {
      if (each.message->exchange == which.message->exchange && each.message->routing_key == which.message->routing_key) each.to = &made;
    }
  } else if (!was_probe) {
    return;  // it was sent before its destination was closed
  }
  auto& to = *which.to;
  to.reason = std::move(reason);
  to.window = 1;
  to.until = now + jittered(to.pause);
  to.pause = std::min<std::chrono::nanoseconds>(to.pause * 2, settings_.longest_pause);
}

std::string relay_machine::waiting() const {
  for (const auto& [to, each] : closed_) {
    const auto lately = each.until + settings_.longest_pause + settings_.confirm_timeout;
    if (now_ < std::max(lately, each.last_return)) return to.first + ' ' + to.second + ": " + each.reason;
  }
  return {};
}

void relay_machine::forget_idle_destinations() {
  std::set<const closed_destination*> needed;
  for (const auto& [sequence, each] : rows_) needed.insert(each.to);
  std::erase_if(closed_, [&](const auto& each) { return !needed.contains(&each.second); });
}

closed_destination* relay_machine::closed_for(const envelope& message) {
  if (closed_.empty()) return nullptr;
  const auto found = closed_.find({message.exchange, message.routing_key});
  return found == closed_.end() ? nullptr : &found->second;
}

void relay_machine::probe_was_taken(row& which) {
  if (!which.probe) return;
  end_probe(which);
  auto& to = *which.to;
  to.pause = settings_.shortest_pause;
  to.window *= 2;
  if (to.window < settings_.window) return;
  for (auto& [sequence, each] : rows_) {
    if (each.to != &to) continue;
    each.to = nullptr;
    each.probe = false;
  }
  closed_.erase({which.message->exchange, which.message->routing_key});
}

void relay_machine::end_probe(row& which) {
  if (std::exchange(which.probe, false)) --which.to->out;
}

/// A batch of rows to closed destinations is kept in hand. The others go back to the store, so that claims reach the rows behind them.
void relay_machine::hold_back(steady_time now) {
  held_ = 0;
  if (closed_.empty()) return;
  for (auto next = queue_.begin(); next != queue_.end();) {
    row& which = rows_.at(*next);
    if (which.to == nullptr || which.to->takes(now)) {
      ++next;
    } else if (held_ < settings_.batch) {
      ++held_;
      ++next;
    } else {
      const auto sequence = *next;
      next = queue_.erase(next);
      postpone(now, sequence, which);
    }
  }
}

void relay_machine::postpone(steady_time now, std::int64_t sequence, row& which) {
  ++counts_.postponed;
  which.at = phase::failing;
  if (is_ordered(which)) keys_out_.insert(which.message->key);
  auto& last = which.to->last_return;
  last = std::min(std::max(last + spacing, now + settings_.shortest_refusal_delay), now + settings_.longest_refusal_delay);
  to_fail_.push_back({.batch = which.batch,
                      .what = {.sequence = sequence,
                               .reason = which.to->reason,
                               .retry_after = std::chrono::ceil<std::chrono::milliseconds>(last - now),
                               .type = which.message->type,
                               .attempts = which.attempts,
                               .counted = false}});
}

}  // namespace mamey::inline v1
