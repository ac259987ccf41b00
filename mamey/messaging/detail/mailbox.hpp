#pragma once

/// @file
/// Events for one fiber, posted from any thread.

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::detail {

template <class T>
class mailbox {
 public:
  /// Any thread, any callback: never suspends.
  void post(T item) {
    {
      std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    if (!signalled_.exchange(true)) arrived_.release();
  }
  /// Waits until something was posted or `until` has passed; takes all there is. Only by the owner.
  std::vector<T> take(steady_time until) {
    if (until == steady_time::max()) {
      arrived_.acquire();
      signalled_ = false;
    } else if (arrived_.try_acquire_until(until)) {
      signalled_ = false;
    }
    std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }
  /// Forgets what is there. Only by the owner.
  void discard() {
    std::lock_guard lock(mutex_);
    items_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<T> items_;
  std::atomic<bool> signalled_{false};
  semaphore arrived_{0};
};

}  // namespace mamey::inline v1::detail
