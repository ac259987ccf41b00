#pragma once

/// @file
/// Tells a store that is opened whether another process has the same file open. The kernel forgets a process that was killed, so its leases need not be waited for.

#include <string>

namespace mamey::inline v1::sqlite_detail {

/// Holds a shared lock on a file beside the database for its life.
class presence_lock {
 public:
  /// `database`: the file, or `:memory:`. Never throws: without a lock file nobody counts as alone.
  explicit presence_lock(const std::string& database) noexcept;
  ~presence_lock();
  presence_lock(const presence_lock&) = delete;
  presence_lock& operator=(const presence_lock&) = delete;

  /// Nobody else had the database open when this was made.
  bool came_first() const noexcept { return came_first_; }
  /// Lets others in: call it when what only the first may do is done.
  void share() noexcept;

 private:
  int descriptor_ = -1;
  bool came_first_ = false;
};

}  // namespace mamey::inline v1::sqlite_detail
