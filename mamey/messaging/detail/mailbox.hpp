#pragma once

/// @file
/// Events for one fiber, posted from any thread.

#include <atomic>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1::detail {

template <class T>
class mailbox {
 public:
  /// Any thread, any callback: never suspends, never throws. When there is no memory for the item, `take` throws instead: an owner that has
  /// missed an event begins anew.
  void post(T item) noexcept {
    {
      std::lock_guard lock(mutex_);
      try {
        items_.push_back(std::move(item));
      } catch (const std::bad_alloc&) {
        missed_ = true;
      }
    }
    if (!signalled_.exchange(true)) arrived_.release();
  }
  /// Waits until something was posted or `until` has passed; takes all there is. Throws std::bad_alloc when something was missed. Only by the
  /// owner.
  std::vector<T> take(steady_time until) {
    if (until == steady_time::max()) {
      arrived_.acquire();
      signalled_ = false;
    } else if (arrived_.try_acquire_until(until)) {
      signalled_ = false;
    }
    std::lock_guard lock(mutex_);
    if (std::exchange(missed_, false)) throw std::bad_alloc();
    return std::exchange(items_, {});
  }
  /// Forgets what is there. Only by the owner.
  void discard() {
    std::lock_guard lock(mutex_);
    items_.clear();
    missed_ = false;
  }

 private:
  std::mutex mutex_;
  std::vector<T> items_;
  bool missed_ = false;
  std::atomic<bool> signalled_{false};
  semaphore arrived_{0};
};

}  // namespace mamey::inline v1::detail
