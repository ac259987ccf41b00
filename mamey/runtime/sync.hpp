#pragma once

/// @file
/// mutex, condition, semaphore and channel for fibers of any loop and for plain threads. Waits honour deadline and cancellation of the ambient context.

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// Excludes across fibers; may be held across a suspension (std::mutex may not). FIFO. Use with std::unique_lock.
class mutex {
 public:
  mutex();
  ~mutex();
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  void lock();
  bool try_lock();
  void unlock();

 private:
  struct state;
  std::unique_ptr<state> state_;
  friend class condition;
};

/// Like std::condition_variable for `mamey::mutex`.
class condition {
 public:
  condition();
  ~condition();
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  void wait(std::unique_lock<mutex>& lock);
  /// False when `until` passed first.
  bool wait_until(std::unique_lock<mutex>& lock, steady_time until);
  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate done) {
    while (!done()) wait(lock);
  }
  void notify_one();
  void notify_all();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Counts permits. FIFO.
class semaphore {
 public:
  explicit semaphore(std::size_t permits);
  ~semaphore();
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  void acquire();
  bool try_acquire();
  /// False when `until` passed first.
  bool try_acquire_until(steady_time until);
  void release(std::size_t permits = 1);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// A bounded queue between fibers. `T` must be movable.
template <class T>
class channel {
 public:
  explicit channel(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False when the channel is closed.
  bool send(T value) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return closed_ || queue_.size() < capacity_; });
    if (closed_) return false;
    queue_.push_back(std::move(value));
    filled_.notify_one();
    return true;
  }
  /// False when full or closed; never waits for room.
  bool try_send(T value) {
    std::unique_lock lock(mutex_);
    if (closed_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(value));
    filled_.notify_one();
    return true;
  }
  /// Waits for a value; nothing when closed and drained.
  std::optional<T> receive() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return closed_ || !queue_.empty(); });
    return take();
  }
  /// Nothing when none came before `until`, or closed and drained.
  std::optional<T> receive_until(steady_time until) {
    std::unique_lock lock(mutex_);
    while (!closed_ && queue_.empty()) {
      if (!filled_.wait_until(lock, until)) break;
    }
    return take();
  }
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    filled_.notify_all();
    room_.notify_all();
  }

 private:
  std::optional<T> take() {
    if (queue_.empty()) return std::nullopt;
    std::optional<T> value(std::move(queue_.front()));
    queue_.pop_front();
    room_.notify_one();
    return value;
  }

  mutex mutex_;
  condition filled_, room_;
  std::deque<T> queue_;
  std::size_t capacity_;
  bool closed_ = false;
};

}  // namespace mamey::inline v1
