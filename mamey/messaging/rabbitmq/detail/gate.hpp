#pragma once

/// @file
/// A callback to somebody who may leave: none is running once `close` has returned.

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
    const std::lock_guard lock(mutex_);
    if (!open_) return false;
    if (callback_) callback_(std::forward<Arguments>(arguments)...);
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::recursive_mutex mutex_;  // a callback may settle, publish or close
  Callback callback_;
  bool open_ = true;
};

}  // namespace mamey::inline v1::rabbitmq_detail
