#pragma once

/// @file
/// Collections as tables: `id`, `version`, `position`, `body` and a column for each declared one. Their SQL is written once.

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/postgres/detail/connection.hpp>

namespace mamey::inline v1::postgres_detail {

/// The statements of one collection.
struct table {
  explicit table(const collection& from);

  collection of;
  std::string load, select, count, insert, update, update_any, upsert, remove, remove_any;
};

/// The collections the store was prepared for. Any thread.
class catalog {
 public:
  /// Creates or extends the tables, in one transaction. Throws `internal_error` for a name that cannot be a table or column.
  void prepare(connection& on, std::span<const collection* const> collections);
  /// Throws `internal_error` naming a collection that was not prepared.
  const table& at(const collection& wanted) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::unique_ptr<const table>, std::less<>> tables_;
};

// Reads. `from` is what `catalog::at` answered.
step load_step(const table& from, std::string_view id);
step find_step(const table& in, const document_query& query);
step count_step(const table& in, std::span<const column_condition> where);
std::vector<document> read_documents(const rows& found);

/// One recorded change. The store counts versions: an insert is 1, an update the expected one plus 1. A row that is not as expected ends
/// the unit in the database itself.
step write_step(const table& into, const document_write& change);
/// Names the document whose write met another version, or none.
[[noreturn]] void throw_not_as_expected(const table& in, const document_write& change);

}  // namespace mamey::inline v1::postgres_detail
