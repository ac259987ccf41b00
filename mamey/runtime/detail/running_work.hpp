#pragma once

/// @file
/// What a loop runs at this moment, for the watchdog, which looks from another thread.

#include <atomic>
#include <cstdint>
#include <mutex>

namespace mamey::inline v1::detail {

struct fiber;

struct running_work {
  /// Loop's thread: a fiber begins to run, or (null) a callback.
  void begin(detail::fiber* next) noexcept {
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    fiber.store(next, std::memory_order_release);
  }

  std::atomic<std::uint64_t> turns{0};  ///< unchanged: the same thing runs still
  std::atomic<detail::fiber*> fiber{nullptr};
  std::mutex inspection;  ///< held while a fiber is looked at; and by the loop's thread when one goes, or changes what it says of itself
};

}  // namespace mamey::inline v1::detail
