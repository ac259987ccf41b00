#pragma once

/// @file
/// For services.
/// For a handler that must decide inside a real transaction.

#include <cstdint>
#include <functional>
#include <vector>

#include <mamey/domain/sql_rows.hpp>

namespace mamey::inline v1 {

/// Asking for it (`mamey::transaction&`) makes the handler's unit of work interactive: a transaction is open while the handler runs,
/// bounded in time, and everything the unit reads goes through it. A statement that is executed here applies at once and is committed with
/// the other changes.
class transaction : public sql_reader {
 public:
  using sql_reader::query;
  /// Number of rows changed.
  virtual std::int64_t execute(const sql_statement& statement) = 0;

  /// As `database::query` and `database::execute`.
  template <class T, detail::sql_text Text, class... Values>
  std::vector<T> query(const Text& text, const Values&... values) {
    return query<T>(detail::statement_of(text, values...));
  }
  template <class T>
  std::vector<T> query(const sql_statement& statement) {
    return detail::rows_of<T>([&](const auto& each) { query(statement, each); });
  }
  template <detail::sql_text Text, class... Values>
  std::int64_t execute(const Text& text, const Values&... values) {
    return execute(detail::statement_of(text, values...));
  }
};

}  // namespace mamey::inline v1
