#pragma once

/// @file
/// For providers and the framework: the role of a store that deletes old rows.

#include <chrono>
#include <cstddef>

namespace mamey::inline v1 {

/// Deletes rows that nobody needs any more. Times, suspension and errors: see store.hpp.
class store_upkeep {
 public:
  virtual ~store_upkeep() = default;

  /// How long rows are kept.
  struct retention {
    std::chrono::seconds inbox{std::chrono::hours(24 * 14)};
    std::chrono::seconds sent{0};
    std::chrono::seconds errors{std::chrono::hours(24 * 7)};
    std::size_t batch = 1000;
  };

  /// Deletes rows after their retention, in bounded batches; returns whether more are left.
  virtual bool clean(const retention& keep) = 0;
};

}  // namespace mamey::inline v1
