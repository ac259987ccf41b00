#pragma once

/// @file
/// For a handler that must decide inside a real transaction.

#include <cstdint>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// Asking for it (`mamey::transaction&`) makes the handler's unit of work interactive: a transaction is open while the handler runs, bounded in time, and
/// everything the unit reads goes through it. What is executed here applies at once and commits with the rest.
class transaction {
 public:
  virtual ~transaction() = default;
  virtual void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) = 0;
  /// Number of rows changed.
  virtual std::int64_t execute(const sql_statement& statement) = 0;
};

}  // namespace mamey::inline v1
