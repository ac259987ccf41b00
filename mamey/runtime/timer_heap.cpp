#include <mamey/runtime/detail/timer_heap.hpp>

#include <algorithm>

namespace mamey::inline v1::detail {

void timer_heap::put(std::size_t place, const entry& e) noexcept {
  entries_[place] = e;
  e.node->place_ = place;
}

void timer_heap::sift_up(std::size_t place, entry moving) noexcept {
  while (place > 0) {
    const auto parent = (place - 1) / 2;
    if (!moving.before(entries_[parent])) break;
    put(place, entries_[parent]);
    place = parent;
  }
  put(place, moving);
}

void timer_heap::sift_down(std::size_t place, entry moving) noexcept {
  for (;;) {
    auto child = 2 * place + 1;
    if (child >= entries_.size()) break;
    if (child + 1 < entries_.size() && entries_[child + 1].before(entries_[child])) ++child;
    if (!entries_[child].before(moving)) break;
    put(place, entries_[child]);
    place = child;
  }
  put(place, moving);
}

void timer_heap::reserve(std::size_t count) {
  if (count > entries_.capacity()) entries_.reserve(std::max(count, 2 * entries_.capacity()));
}

void timer_heap::add(timer_node& node, steady_time when) {
  const entry added{when, next_order_++, &node};
  entries_.push_back(added);
  sift_up(entries_.size() - 1, added);
}

void timer_heap::remove(timer_node& node) noexcept {
  if (!node.armed()) return;
  const auto place = node.place_;
  node.place_ = timer_node::nowhere;
  const auto last = entries_.back();
  entries_.pop_back();
  if (place == entries_.size()) return;
  if (place > 0 && last.before(entries_[(place - 1) / 2])) {
    sift_up(place, last);
  } else {
    sift_down(place, last);
  }
}

void timer_heap::expire(steady_time now, std::size_t most) {
  for (; most > 0 && !entries_.empty() && entries_.front().when <= now; --most) {
    auto& due = *entries_.front().node;
    remove(due);
    due.expired();  // may add and remove timers, and may destroy `due`
  }
}

}  // namespace mamey::inline v1::detail
