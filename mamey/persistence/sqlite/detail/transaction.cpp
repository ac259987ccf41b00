#include <mamey/persistence/sqlite/detail/transaction.hpp>

#include <sqlite3.h>

#include <mamey/core/error.hpp>

namespace mamey::inline v1::sqlite_detail {

void begin_transaction(connection& on) {
  roll_back_if_open(on);  // a ROLLBACK may have failed for want of memory
  on.use("begin immediate").run();
}

void commit_transaction(connection& on) {
  try {
    on.use("commit").run();
  } catch (const unavailable& failure) {
    if (failure.code() != "disk_error") throw;
    throw commit_unknown("commit_unknown", "whether the unit of work was committed is unknown: {cause}", failure.reason());
  }
}

void roll_back_if_open(connection& on) noexcept {
  // A ROLLBACK that fails leaves autocommit as it is: the next BEGIN tries it again, and fails loudly instead of joining the remains.
  if (!on.autocommit()) sqlite3_exec(on.handle(), "rollback", nullptr, nullptr, nullptr);
}

void check_foreign_keys(const connection& on) {
  int unsatisfied = 0, highest = 0;
  sqlite3_db_status(on.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &unsatisfied, &highest, 0);
  if (unsatisfied != 0) throw conflict("constraint_violated", "FOREIGN KEY constraint failed");
}

savepoint::savepoint(connection& on) : on_(&on) { on.use("savepoint member").run(); }

savepoint::~savepoint() {
  if (on_ == nullptr || on_->autocommit()) return;
  const auto code = sqlite3_exec(on_->handle(), "rollback to member; release member", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) roll_back_if_open(*on_);  // the writer sees autocommit, and replays
}

void savepoint::release() {
  on_->use("release member").run();
  on_ = nullptr;
}

}  // namespace mamey::inline v1::sqlite_detail
