#pragma once

/// @file
/// A callback to somebody who may leave: once `close` has returned none is running, and what the callback held is let go.

#include <mutex>
#include <utility>

namespace mamey::inline v1::rabbitmq_detail {

template <class Callback>
class gate {
 public:
  explicit gate(Callback callback) : callback_(std::move(callback)) {}
  /// False when it is closed: nothing was called.
  template <class... Arguments>
  bool call(Arguments&&... arguments) {
    Callback gone;
    const std::lock_guard lock(mutex_);
    if (!open_) return false;
    ++depth_;
    if (callback_) callback_(std::forward<Arguments>(arguments)...);
    if (--depth_ == 0 && !open_) gone = std::exchange(callback_, {});
    return true;
  }
  void close() {
    Callback gone;  // outlives the lock: what it held may call back
    const std::lock_guard lock(mutex_);
    open_ = false;
    if (depth_ == 0) gone = std::exchange(callback_, {});
  }

 private:
  std::recursive_mutex mutex_;  // a callback may settle, publish or close
  Callback callback_;
  bool open_ = true;
  int depth_ = 0;
};

}  // namespace mamey::inline v1::rabbitmq_detail
