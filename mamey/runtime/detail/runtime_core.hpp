#pragma once

/// @file
/// What the loops of one runtime share.

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include <mamey/runtime/detail/blocking_pool.hpp>
#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey::inline v1::detail {

struct runtime_core {
  explicit runtime_core(const runtime_options& its_options)
      : options(its_options), pool(its_options.blocking_threads, its_options.blocking_queue) {}

  /// Fibers of all loops.
  std::size_t alive() const noexcept;
  /// Makes every loop look whether it may end.
  void wake_all() noexcept;

  runtime_options options;
  std::vector<std::unique_ptr<event_loop>> loops;  ///< the last is the system loop; complete before the first thread starts
  blocking_pool pool;  ///< joined before the loops go: a thread that has woken a fiber may still be waking its loop
  std::atomic<bool> stopping{false};
};

}  // namespace mamey::inline v1::detail
