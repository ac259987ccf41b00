#pragma once

/// @file
/// For providers and the framework: the role of a store that commits units of work.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/messaging/delayed_store.hpp>
#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/error_store.hpp>
#include <mamey/messaging/inbox_store.hpp>
#include <mamey/messaging/job_store.hpp>

namespace mamey::inline v1 {

/// All changes of one unit of work. They are applied in this order, all or nothing. Rows that it settles are removed before rows are added,
/// so that it may schedule its own row again.
struct change_set {
  std::optional<inbox_key> inbox;  ///< inserted first; if the row exists: `already_handled`, and nothing is applied
  std::vector<document_write> documents;
  std::vector<sql_statement> statements;  ///< empty for a store without SQL
  std::vector<envelope> outbox;           ///< `key` empty: unordered
  std::vector<error_record> errors;
  std::vector<delayed_message> delayed;
  std::vector<std::string> finished_delayed;  ///< rows of `delayed` that this unit of work settles
  std::vector<std::string> finished_errors;   ///< rows of the error store that this unit of work settles
  std::vector<std::string>
      cancelled_delayed;  ///< rows of `delayed` that are not to be handled; one that is gone or claimed: concurrency_conflict
  std::vector<job_row>
      jobs;  ///< each in place of the row with its `version`, which grows by one; 0: a new row; no such row: concurrency_conflict

  bool empty() const noexcept {
    return !inbox && documents.empty() && statements.empty() && outbox.empty() && errors.empty() && delayed.empty() &&
           finished_delayed.empty() && finished_errors.empty() && cancelled_delayed.empty() && jobs.empty();
  }
};

/// The rows that a commit has written for background work of the process.
struct written_rows {
  bool outbox = false;   ///< for the relay, which has to claim them
  bool delayed = false;  ///< for the delayed pump
  bool handed = false;   ///< rows of the outbox that the relay knows already (hand_over.hpp)

  bool any() const noexcept { return outbox || delayed || handed; }
  written_rows& operator|=(written_rows more) noexcept {
    outbox = outbox || more.outbox;
    delayed = delayed || more.delayed;
    handed = handed || more.handed;
    return *this;
  }
};

inline written_rows written_by(const change_set& changes) noexcept {
  return {.outbox = !changes.outbox.empty(), .delayed = !changes.delayed.empty()};
}

enum class commit_outcome : std::uint8_t { committed, already_handled };

/// Commits units of work. Times, suspension and errors: see store.hpp.
class unit_store {
 public:
  virtual ~unit_store() = default;
  /// Applies `changes` durably: when it returns `committed`, a power cut does not undo it.
  /// Throws concurrency_conflict (a version did not match, a unique column collided), commit_unknown.
  virtual commit_outcome commit(const change_set& changes) = 0;
};

}  // namespace mamey::inline v1
