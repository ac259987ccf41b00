#pragma once

/// @file
/// What one unit of work changed, as the statements of one exchange.

#include <cstddef>
#include <vector>

#include <mamey/messaging/hand_over.hpp>
#include <mamey/messaging/unit_store.hpp>
#include <mamey/persistence/postgres/detail/collections.hpp>
#include <mamey/persistence/postgres/detail/connection.hpp>

namespace mamey::inline v1::postgres_detail {

enum class inbox_row : std::uint8_t { to_insert, there_already };

/// The statements in the order of `change_set`, and which is which.
class unit_steps {
 public:
  /// Refers to `changes` while it lives.
  unit_steps(const change_set& changes, const document_tables& tables, inbox_row inbox, const hand_over_terms* terms);

  std::vector<step> take() { return std::move(steps_); }
  /// Whether the number of rows a plain statement changed has to be looked at before the commit.
  bool checks_rows() const noexcept;

  bool was_handled_already(const exchange& refused) const;
  /// Throws what the refusal of one statement means, naming the document or statement. `first`: how many statements stood before these.
  [[noreturn]] void throw_refusal(const exchange& refused, std::size_t first) const;
  /// Throws `concurrency_conflict` when a plain statement changed another number of rows than was expected.
  void check_rows(exchange& answered, std::size_t first) const;
  /// Tells `handing` which rows of the outbox were inserted, when it has terms.
  void tell_inserted(exchange& answered, std::size_t first, hand_over& handing) const;

 private:
  const change_set* changes_;
  const document_tables* tables_;
  std::vector<step> steps_;
  bool has_inbox_ = false;
  std::size_t documents_at_ = 0, statements_at_ = 0, outbox_at_ = 0, cancelled_at_ = 0, jobs_at_ = 0;
};

/// A plain statement, its parameters numbered. Throws `internal_error` when their number is wrong, or when it would begin or end a
/// transaction. `most_bytes`: of its rows, beyond which they are dropped; 0: nobody looks at them.
step plain_step(const sql_statement& statement, std::size_t most_bytes = 0);
/// Number of rows changed. Throws `concurrency_conflict` when `expected_rows` is another.
std::int64_t checked_rows(const sql_statement& statement, const rows& result);

}  // namespace mamey::inline v1::postgres_detail
