#pragma once

/// @file
/// A queue over one growing array: no allocation in the steady state.

#include <cstddef>
#include <utility>
#include <vector>

namespace mamey::inline v1::detail {

template <class T>
class ring {
 public:
  bool empty() const noexcept { return first_ == last_; }
  std::size_t size() const noexcept { return last_ - first_; }
  T& operator[](std::size_t index) noexcept { return slot(first_ + index); }

  void push(T value) {
    if (size() == slots_.size()) grow();
    slot(last_++) = std::move(value);
  }
  /// From now on so many fit without an allocation.
  void reserve(std::size_t count) {
    while (slots_.size() < count) grow();
  }
  T pop() noexcept { return std::exchange(slot(first_++), T{}); }

 private:
  T& slot(std::size_t position) noexcept { return slots_[position & (slots_.size() - 1)]; }  // the size is a power of two
  void grow() {
    std::vector<T> larger(slots_.empty() ? 16 : slots_.size() * 2);
    const auto count = size();
    for (std::size_t i = 0; i < count; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
    last_ = count;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0, last_ = 0;
};

}  // namespace mamey::inline v1::detail
