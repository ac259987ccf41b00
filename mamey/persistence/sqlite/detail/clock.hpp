#pragma once

/// @file
/// The store's clock: what leases and due times are compared with.

#include <chrono>
#include <cstdint>
#include <functional>

#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1::sqlite_detail {

class store_clock {
 public:
  explicit store_clock(const std::function<wall_time()>& source) : source_(source) {}

  std::int64_t now_ms() const { return std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count(); }
  wall_time now() const { return source_ ? source_() : std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

 private:
  std::function<wall_time()> source_;
};

/// SQL: whether the lease on a row has ended (`?1` is now, in ms). A lease that lies further ahead than it did when it was given was given
/// by a clock that has been set back since: it counts as past.
inline constexpr std::string_view lease_is_over = "(token is null or claimed_until_ms <= ?1 or claimed_until_ms - ?1 > lease_ms)";
/// The same for the time before which a row is not to be tried.
inline constexpr std::string_view is_due = "(due_at_ms <= ?1 or due_at_ms - ?1 > delay_ms)";

}  // namespace mamey::inline v1::sqlite_detail
