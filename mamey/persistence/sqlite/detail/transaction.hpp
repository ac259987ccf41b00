#pragma once

/// @file
/// BEGIN, COMMIT and ROLLBACK with what can go wrong in them.

#include <mamey/persistence/sqlite/detail/connection.hpp>

namespace mamey::inline v1::sqlite_detail {

void begin_transaction(connection& on);

/// Throws `commit_unknown` when the disk failed within COMMIT: after a power cut the commit may be there or not.
void commit_transaction(connection& on);

/// For a caller that gave up, or that found that SQLite did: FULL, IOERR, NOMEM, BUSY and INTERRUPT may have rolled back already.
void roll_back_if_open(connection& on) noexcept;

/// Throws `conflict` when a deferred foreign key is not satisfied now: COMMIT would refuse the whole group for it.
void check_foreign_keys(const connection& on);

/// A savepoint that is rolled back unless released.
class savepoint {
 public:
  explicit savepoint(connection& on);
  ~savepoint();
  savepoint(const savepoint&) = delete;
  savepoint& operator=(const savepoint&) = delete;
  void release();

 private:
  connection* on_;
};

}  // namespace mamey::inline v1::sqlite_detail
