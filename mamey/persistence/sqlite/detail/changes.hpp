#pragma once

/// @file
/// Applies what one unit of work changed, inside the writer's transaction.

#include <cstddef>

#include <mamey/messaging/hand_over.hpp>
#include <mamey/messaging/unit_store.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/collections.hpp>
#include <mamey/persistence/sqlite/detail/connection.hpp>
#include <mamey/persistence/sqlite/detail/job.hpp>

namespace mamey::inline v1::sqlite_detail {

/// True when the row is new.
bool insert_inbox(connection& on, const inbox_key& key, std::int64_t now_ms);

/// In the order of `change_set`. Throws what the first refused change throws; the caller rolls back.
void apply_changes(connection& on, const document_tables& tables, const change_set& changes, hand_over& handing, std::int64_t now_ms);

/// Number of rows changed. Throws `concurrency_conflict` when `expected_rows` is another.
std::int64_t execute_statement(connection& on, const sql_statement& statement);

/// A unit of work on its way through the writer. Refers to the caller's changes until it is applied.
class unit_job final : public job {
 public:
  unit_job(const change_set& changes, const document_tables& tables, const store_clock& clock, sqlite_environment::waiting how,
           std::shared_ptr<hand_over_target> to);
  /// For an interactive unit that began with an inbox row: that row is not inserted again.
  void skip_inbox() noexcept { skips_inbox_ = true; }
  void apply(connection& to) override;
  written_rows committed() noexcept override { return handing_.committed(wrote_); }
  /// Waits in `run` for the writer. After a failure nothing is handed over, although the writer may hold this object a little longer.
  template <class Run>
  void commit_by(Run run) {
    try {
      run();
    } catch (...) {
      if (state == phase::done) handing_.cancel();  // else the writer is not through with it
      throw;
    }
  }
  commit_outcome outcome() const noexcept { return outcome_; }

 private:
  const change_set* changes_;
  const document_tables* tables_;
  const store_clock* clock_;
  written_rows wrote_;
  hand_over handing_;
  bool skips_inbox_ = false;
  commit_outcome outcome_ = commit_outcome::committed;
};

}  // namespace mamey::inline v1::sqlite_detail
