#pragma once

/// @file
/// Timers of one loop: a binary heap whose nodes know their place, so that cancelling is O(log n).

#include <cstddef>
#include <cstdint>
#include <vector>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1::detail {

class timer_heap;

/// Base of whatever is called at a time. Owned by the caller; must be out of the heap before it is destroyed.
class timer_node {
 public:
  timer_node() = default;
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;
  bool armed() const noexcept { return place_ != nowhere; }

 protected:
  ~timer_node() = default;

 private:
  friend class timer_heap;
  virtual void expired() = 0;  ///< on the loop, outside any fiber

  static constexpr std::size_t nowhere = SIZE_MAX;
  std::size_t place_ = nowhere;
};

class timer_heap {
 public:
  void add(timer_node& node, steady_time when);
  /// From now on so many fit without an allocation.
  void reserve(std::size_t count);
  void remove(timer_node& node) noexcept;  ///< harmless when not armed
  bool empty() const noexcept { return entries_.empty(); }
  steady_time next() const noexcept { return entries_.front().when; }
  /// Calls at most `most` of the timers due at `now`, the earliest first; of equal ones the first added.
  void expire(steady_time now, std::size_t most = SIZE_MAX);

 private:
  struct entry {
    steady_time when;
    std::uint64_t order;
    timer_node* node;
    bool before(const entry& other) const noexcept { return when != other.when ? when < other.when : order < other.order; }
  };
  void put(std::size_t place, const entry& e) noexcept;
  void sift_up(std::size_t place, entry moving) noexcept;
  void sift_down(std::size_t place, entry moving) noexcept;

  std::vector<entry> entries_;
  std::uint64_t next_order_ = 0;
};

}  // namespace mamey::inline v1::detail
