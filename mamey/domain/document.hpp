#pragma once

/// @file
/// What repositories and read models ask of a store: documents with declared columns, and plain SQL for those who want it. No database is named here.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

/// A value of a column or a statement's parameter. Scalars (uuid, decimal, timestamp, enums) travel as their text form.
struct sql_value : std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::byte>> {
  using variant::variant;
};

/// A member of the stored struct that is also a column, so that it can be searched.
struct indexed_column {
  std::string name;  ///< as in C++; of a mapped table: as it is called there
  const member_model* member = nullptr;
  bool unique = false;
};

struct mapped_table;

/// A table of documents: id, version, position, JSON body, columns. Created by the store when the module starts.
struct collection {
  std::string name;  ///< the table: `orders`
  const type_model* model = nullptr;
  std::vector<indexed_column> columns;
  bool versioned = true;  ///< false for read models: the last write wins
  std::shared_ptr<const mapped_table> mapped = nullptr;  ///< a table that somebody else made (table_mapping.hpp), with a column for every member and no body
};

/// One stored object. `body` is JSON of the model; `columns` stands in the order of `collection::columns`. Of a mapped table there is no body, and
/// `mapped_table::others` stand behind.
struct document {
  std::string id;
  std::int64_t version = 0;   ///< counts saves; 0: not stored yet
  std::int64_t position = 0;  ///< counts the events it raised
  std::string body;
  std::vector<sql_value> columns;
};

enum class write_kind : std::uint8_t { insert, update, upsert, remove };

/// A recorded change of one document. `update` and `remove` of a versioned collection apply only to the row whose version is `expected_version`.
struct document_write {
  const collection* into = nullptr;
  write_kind kind = write_kind::upsert;
  document content;
  std::int64_t expected_version = 0;
};

/// `column = value`, combined by AND.
struct column_condition {
  std::string column;
  sql_value value;
};

/// A place in an order: the sorting column's value (none when sorted by id) and the id of a document that was there, which may be gone.
struct document_place {
  sql_value key;
  std::string id;
};

/// Sorted by a column, then by id, both in the same direction. A document without a value counts as before all others.
struct document_query {
  std::vector<column_condition> where;
  std::string order_by = "id";  ///< a declared column, or `id`
  bool ascending = true;
  std::optional<document_place> after = std::nullopt;  ///< only what comes after it
  std::int64_t offset = 0;
  std::int64_t limit = 100;
};

/// A recorded statement: `update stock set amount = amount - ? where sku = ?`.
struct sql_statement {
  std::string text;
  std::vector<sql_value> parameters;
  std::optional<std::int64_t> expected_rows;  ///< another number of changed rows is a concurrency_conflict
};

/// A row of a plain query, by column.
struct sql_row {
  std::span<const std::string> names;
  std::vector<sql_value> values;
};

/// Reads. Each call sees one consistent, committed state (a snapshot, or the open transaction of an interactive unit).
class document_reader {
 public:
  virtual ~document_reader() = default;
  virtual std::optional<document> load(const collection& from, std::string_view id) = 0;
  virtual std::vector<document> find(const collection& in, const document_query& query) = 0;
  virtual std::int64_t count(const collection& in, std::span<const column_condition> where) = 0;
  virtual void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) = 0;
};

}  // namespace mamey::inline v1
