#pragma once

/// @file
/// Memory that a burst needed goes back to the system when it is over.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// One per process. The allocator keeps freed memory, and automatically raises the size from which a piece is returned to the system at
/// once; in a container both are memory for ever. Here that size stays what it is, and what has been free for some seconds is given back.
class memory_keeper {
 public:
  /// Checks at intervals, on this loop.
  explicit memory_keeper(event_loop& on);
  ~memory_keeper();
  memory_keeper(const memory_keeper&) = delete;
  memory_keeper& operator=(const memory_keeper&) = delete;

 private:
  void look();

  event_loop& loop_;
  std::uint64_t timer_ = 0;
  std::size_t free_before_ = 0;
  std::chrono::seconds pause_;
};

}  // namespace mamey::inline v1
