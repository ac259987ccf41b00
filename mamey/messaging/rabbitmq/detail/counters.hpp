#pragma once

/// @file
/// What the transport counts; metrics read it.

#include <atomic>
#include <cstdint>

namespace mamey::inline v1::rabbitmq_detail {

struct counters {
  std::atomic<std::uint64_t> published{0}, confirmed{0}, returned{0}, refused{0}, faults{0};
  std::atomic<std::uint64_t> delivered{0}, acknowledged{0}, given_back{0}, delayed{0}, stale_settlements{0};
  std::atomic<std::uint64_t> too_large{0}, too_large_kept{0};  ///< the second: now
};

}  // namespace mamey::inline v1::rabbitmq_detail
