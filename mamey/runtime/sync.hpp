#pragma once

/// @file
/// For services.
/// mutex, condition, semaphore and channel for fibers of any loop and for plain threads. Waits honour deadline and cancellation of the
/// ambient context.

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1 {

/// Mutual exclusion between fibers; may be held across a suspension (std::mutex may not). FIFO. Use with std::unique_lock.
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

/// A bounded queue between fibers and threads. `T` must be movable.
template <class T>
class channel {
 public:
  /// `capacity` is at least 1.
  explicit channel(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Waits for room. False when the channel is closed.
  bool send(T value) {
    detail::check_interruption();
    std::unique_lock lock(guard_);
    if (!closed_ && queue_.size() >= capacity_) report_wait("a channel");
    while (!closed_ && queue_.size() >= capacity_) room_.wait(lock);
    return put(std::move(value));
  }
  /// False when full or closed; never waits, so callbacks on a loop may call it.
  bool try_send(T value) {
    const std::unique_lock lock(guard_);
    return queue_.size() < capacity_ && put(std::move(value));
  }
  /// Waits for a value; empty when the channel is closed and drained.
  std::optional<T> receive() {
    detail::check_interruption();
    std::unique_lock lock(guard_);
    if (!closed_ && queue_.empty()) report_wait("a channel");
    while (!closed_ && queue_.empty()) filled_.wait(lock);
    return take();
  }
  /// Empty when no value came before `until`, or when the channel is closed and drained.
  std::optional<T> receive_until(steady_time until) {
    detail::check_interruption();
    std::unique_lock lock(guard_);
    if (!closed_ && queue_.empty()) report_wait("a channel");
    while (!closed_ && queue_.empty()) {
      if (!filled_.wait(lock, until)) break;
    }
    return take();
  }
  /// Empty when there is no value now; never waits.
  std::optional<T> try_receive() {
    const std::unique_lock lock(guard_);
    return take();
  }
  /// Sent values can still be received; no more can be sent. Never waits.
  void close() {
    const std::unique_lock lock(guard_);
    closed_ = true;
    filled_.wake_all();
    room_.wake_all();
  }

 private:
  bool put(T&& value) {
    if (closed_) return false;
    queue_.push_back(std::move(value));
    filled_.wake_one();
    return true;
  }
  std::optional<T> take() {
    if (queue_.empty()) return std::nullopt;
    std::optional<T> value(std::move(queue_.front()));
    queue_.pop_front();
    room_.wake_one();
    return value;
  }

  std::mutex guard_;  // never held while waiting
  detail::wait_list filled_, room_;
  std::deque<T> queue_;
  std::size_t capacity_;
  bool closed_ = false;
};

}  // namespace mamey::inline v1
