#include <mamey/runtime/detail/wait_list.hpp>

#include <mamey/runtime/detail/parker.hpp>

namespace mamey::inline v1::detail {

struct wait_list::node {
  parker waiter;
  node* previous = nullptr;
  node* next = nullptr;
  bool listed = false;
};

void wait_list::append(node& added) noexcept {
  added.previous = last_;
  (last_ != nullptr ? last_->next : first_) = &added;
  last_ = &added;
  added.listed = true;
}

void wait_list::remove(node& gone) noexcept {
  (gone.previous != nullptr ? gone.previous->next : first_) = gone.next;
  (gone.next != nullptr ? gone.next->previous : last_) = gone.previous;
  gone.listed = false;
}

wake_reason wait_list::wait(std::unique_lock<std::mutex>& lock, std::optional<steady_time> until, interruption mode) {
  node self;
  append(self);
  lock.unlock();
  const auto reason = self.waiter.wait(until, mode);
  lock.lock();  // the waker has released `self` once we hold this lock
  if (self.listed) remove(self);
  return reason;
}

bool wait_list::wait(std::unique_lock<std::mutex>& lock, std::optional<steady_time> until) {
  const auto reason = wait(lock, until, interruption::allowed);
  if (reason != wake_reason::woken && reason != wake_reason::timed_out) {
    lock.unlock();
    raise(reason);
    lock.lock();
  }
  return reason != wake_reason::timed_out;
}

strand* wait_list::wake_one() noexcept {
  while (first_ != nullptr) {
    node& head = *first_;
    remove(head);
    if (head.waiter.wake()) return &head.waiter.waiter();
  }
  return nullptr;
}

void wait_list::wake_all() noexcept {
  while (wake_one() != nullptr) {}
}

}  // namespace mamey::inline v1::detail
