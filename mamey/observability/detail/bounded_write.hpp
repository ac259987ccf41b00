#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace mamey::inline v1::detail {

/// How far a write came. `error`: an errno, `ETIMEDOUT` when nobody made room; 0: all is written.
struct bounded_write {
  std::size_t bytes = 0;
  int error = 0;
};

/// Writes to a descriptor whose reader may have stopped reading. Ends early after `patience` without progress, and in any case at the moment that
/// `end_writing_by` has set. Pieces of at most PIPE_BUF bytes: what poll has promised room for does not block.
bounded_write write_bounded(int descriptor, std::string_view text, std::chrono::milliseconds patience) noexcept;

/// For all writes of the process, those that wait already too: the way down has an end. `steady_clock::time_point::max()`: none (the start).
void end_writing_by(std::chrono::steady_clock::time_point moment) noexcept;

}  // namespace mamey::inline v1::detail
