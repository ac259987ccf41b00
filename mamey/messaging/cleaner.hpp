#pragma once

/// @file
/// For the framework.
/// Deletes rows after their retention, in bounded batches, so that handlers never wait for it.

#include <atomic>
#include <chrono>
#include <cstdint>

#include <mamey/messaging/store_upkeep.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {

class cleaner {
 public:
  /// `of` outlives the cleaner. `between`: rounds; a round is a chain of batches with pauses.
  cleaner(store_upkeep& of, store_upkeep::retention keep, std::chrono::milliseconds between = std::chrono::minutes(1))
      : of_(of), keep_(keep), between_(between) {}

  /// The loop, for a supervised fiber; returns after `stop`.
  void run();
  void stop();  ///< any thread; never suspends
  std::uint64_t rounds() const noexcept { return rounds_; }

 private:
  store_upkeep& of_;
  const store_upkeep::retention keep_;
  const std::chrono::milliseconds between_;
  semaphore stopped_{0};
  std::atomic<std::uint64_t> rounds_{0};
};

}  // namespace mamey::inline v1
