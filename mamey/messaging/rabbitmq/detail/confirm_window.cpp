#include <mamey/messaging/rabbitmq/detail/confirm_window.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/invariants.hpp>

namespace mamey::inline v1::rabbitmq_detail {

namespace {
constexpr std::size_t most_suspects = 4096;  // the oldest is forgotten: it costs one more closed channel
}

bool confirm_window::has_room_for(const std::string& id) const {
  if (unsettled_ == 0) return true;
  return !alone_ && unsettled_ < most_ && !goes_alone(id) && !by_id_.contains(id);
}

void confirm_window::sent(std::uint64_t tag, const std::string& id) {
  const detail::invariants_after asserted(*this, "confirm_window");
  if (unsettled_ == 0) alone_ = goes_alone(id);
  by_id_[id] = first_ + sent_.size();
  sent_.push_back({.tag = tag, .id = id});
  ++unsettled_;
}

void confirm_window::returned(const std::string& id, std::uint16_t code, std::string_view text) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  sent_[static_cast<std::size_t>(found->second - first_)].returned = std::to_string(code) + ' ' + std::string(text);
}

void confirm_window::settle(entry& which, bool taken, std::vector<outcome>& into) {
  if (std::exchange(which.settled, true)) return;
  --unsettled_;
  by_id_.erase(which.id);
  outcome made{.tag = which.tag, .what = {}};
  if (!taken) {
    made.what = {.result = publish_result::nacked, .reason = "the broker did not take it (nack)"};
  } else if (!which.returned.empty()) {
    made.what = {.result = publish_result::unroutable, .reason = std::move(which.returned)};
  }
  if (taken) suspects_.erase(which.id);
  into.push_back(std::move(made));
}

std::vector<confirm_window::outcome> confirm_window::settled(std::uint64_t sequence, bool multiple, bool taken) {
  const detail::invariants_after asserted(*this, "confirm_window");
  std::vector<outcome> done;
  const auto last = first_ + sent_.size() - 1;
  if (multiple) {
    if (sequence == 0 || sequence > last) sequence = last;  // 0: all that are out (specification, basic.ack)
    for (auto each = first_; each <= sequence; ++each) settle(sent_[static_cast<std::size_t>(each - first_)], taken, done);
  } else if (sequence >= first_ && sequence <= last) {
    settle(sent_[static_cast<std::size_t>(sequence - first_)], taken, done);
  }
  while (!sent_.empty() && sent_.front().settled) {
    sent_.pop_front();
    ++first_;
  }
  return done;
}

std::vector<confirm_window::outcome> confirm_window::end_all(publish_result result, std::string_view reason) {
  const detail::invariants_after asserted(*this, "confirm_window");
  std::vector<outcome> done;
  for (auto& each : sent_) {
    if (!each.settled) done.push_back({.tag = each.tag, .what = {.result = result, .reason = std::string(reason)}});
  }
  sent_.clear();
  by_id_.clear();
  first_ = 1;  // the next channel counts anew
  unsettled_ = 0;
  alone_ = false;
  return done;
}

std::vector<confirm_window::outcome> confirm_window::give_up(std::string_view reason) {
  return end_all(publish_result::broker_fault, reason);
}

std::vector<confirm_window::outcome> confirm_window::closed_over_a_publish(std::string_view reason) {
  if (alone_ && unsettled_ == 1) return end_all(publish_result::refused, reason);
  for (const auto& each : sent_) {
    if (each.settled || each.id.empty() || !suspects_.insert(each.id).second) continue;
    suspects_in_order_.push_back(each.id);
    if (suspects_in_order_.size() <= most_suspects) continue;
    suspects_.erase(suspects_in_order_.front());
    suspects_in_order_.pop_front();
  }
  return end_all(publish_result::broker_fault, reason);
}

std::string_view confirm_window::check() const {
  const auto unsettled = std::ranges::count_if(sent_, [](const entry& each) { return !each.settled; });
  if (static_cast<std::size_t>(unsettled) != unsettled_) return "it counts what is out";
  if (first_ == 0) return "a channel counts from one";
  if (!sent_.empty() && sent_.front().settled) return "it begins at the oldest that is out";
  if (by_id_.size() != unsettled_) return "two copies of one id are never out";
  for (const auto& [id, sequence] : by_id_) {
    if (sequence < first_ || sequence >= first_ + sent_.size()) return "an id that is out has its place";
    const auto& named = sent_[static_cast<std::size_t>(sequence - first_)];
    if (named.settled || named.id != id) return "an id that is out names its message";
  }
  if (alone_ && unsettled_ > 1) return "a suspect goes alone";
  if (suspects_.size() > most_suspects) return "suspects are bounded";
  return {};
}

}  // namespace mamey::inline v1::rabbitmq_detail
