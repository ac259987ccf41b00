#include <mamey/messaging/rabbitmq/detail/settlements.hpp>

namespace mamey::inline v1::rabbitmq_detail {

void settlements::delivered(std::uint64_t tag) {
  if (fates_.empty()) first_ = tag;
  while (first_ + fates_.size() < tag) fates_.push_back(fate::gone);  // never with a sound broker
  if (tag < first_ + fates_.size()) return;
  fates_.push_back(fate::out);
  ++outstanding_;
}

settlements::fate* settlements::find(std::uint64_t tag) {
  if (tag < first_ || tag >= first_ + fates_.size()) return nullptr;
  auto& found = fates_[static_cast<std::size_t>(tag - first_)];
  return found == fate::out ? &found : nullptr;
}

bool settlements::acknowledge(std::uint64_t tag) {
  auto* const found = find(tag);
  if (!found) return false;
  *found = fate::acknowledged;
  --outstanding_;
  return true;
}

bool settlements::given_back(std::uint64_t tag) {
  auto* const found = find(tag);
  if (!found) return false;
  *found = fate::gone;
  --outstanding_;
  return true;
}

std::vector<settlements::acknowledgement> settlements::take() {
  std::vector<acknowledgement> due;
  std::uint64_t last_of_row = 0;
  std::uint64_t in_row = 0;
  while (!fates_.empty() && fates_.front() != fate::out) {
    if (fates_.front() == fate::acknowledged) {
      last_of_row = first_;
      ++in_row;
    }
    fates_.pop_front();
    ++first_;
  }
  if (in_row > 0) due.push_back({.delivery_tag = last_of_row, .multiple = in_row > 1});
  for (std::size_t i = 0; i < fates_.size(); ++i) {
    if (fates_[i] != fate::acknowledged) continue;
    due.push_back({.delivery_tag = first_ + i});
    fates_[i] = fate::gone;
  }
  return due;
}

}  // namespace mamey::inline v1::rabbitmq_detail
