#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace mamey::inline v1::web::detail {

/// Bytes received and not yet consumed, in one piece.
class input_buffer {
 public:
  static constexpr std::size_t usual_size = 16 << 10;

  std::span<char> unread() noexcept { return {data_.get() + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }

  /// Room behind the unread bytes without moving them; may be empty.
  std::span<char> tail() noexcept { return {data_.get() + end_, capacity_ - end_}; }
  /// The same, but moving or growing so that there is some; `needed`: how many bytes are known to come (0: nobody knows), so that it does not
  /// grow beyond them.
  std::span<char> room(std::size_t needed = 0) {
    if (end_ == capacity_ && begin_ > 0) move_to_front();
    if (end_ == capacity_) grow(needed);
    return tail();
  }
  void received(std::size_t count) noexcept { end_ += count; }
  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Drops the last bytes, so that `count` unread ones remain.
  void keep(std::size_t count) noexcept { end_ = begin_ + count; }

  /// Empties it and gives a large memory back.
  void reset() noexcept {
    begin_ = end_ = 0;
    if (capacity_ > 4 * usual_size) {
      data_.reset();
      capacity_ = 0;
    }
  }

 private:
  void move_to_front() noexcept {
    std::memmove(data_.get(), data_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  void grow(std::size_t needed) {
    auto larger = std::max(usual_size, capacity_ * 2);
    if (needed > 0) larger = std::min(larger, std::max(usual_size, size() + needed));
    auto fresh = std::make_unique_for_overwrite<char[]>(larger);
    if (end_ > 0) std::memcpy(fresh.get(), data_.get(), end_);
    data_ = std::move(fresh);
    capacity_ = larger;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace mamey::inline v1::web::detail
