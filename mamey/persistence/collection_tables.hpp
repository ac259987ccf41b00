#pragma once

/// @file
/// For providers and the framework.
/// The tables of collections: created, and extended when a release declares another column. What is done, and in which order, is the same
/// on every database; a provider has the statements.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// What a database takes for the name of a table or column of ours.
struct name_rules {
  std::size_t longest = 0;      ///< bytes
  bool hyphens = false;         ///< besides letters, digits and `_`
  std::string_view reserved{};  ///< how its own tables begin: `pg_`
};

/// `"name"`. Throws `internal_error` (`name_unusable`) for a name that the rules do not allow.
std::string quoted_name(const std::string& name, const name_rules& rules);

/// A column that an earlier start has declared.
struct known_column {
  std::string name;
  bool unique = false;
};

/// A row's body as it is stored, and what its columns are to hold, in the order of those that are filled.
struct stored_body {
  std::string id, body;
};
struct filled_row {
  std::string id;
  std::vector<sql_value> values;
};

/// The statements of one database, which run in the transaction that prepares its tables. Names of indexes come quoted, texts `rows` are
/// SQL conditions.
class table_statements {
 public:
  virtual ~table_statements() = default;

  virtual const name_rules& names() const = 0;
  virtual void create_table(const collection& of) = 0;
  virtual std::vector<known_column> known_columns(const collection& of) = 0;
  virtual void add_column(const collection& to, const indexed_column& column) = 0;
  /// In place of one of this name; the column is known afterwards.
  virtual void add_index(const collection& to, const indexed_column& column, const std::string& index) = 0;
  /// The column stays, unindexed and unknown.
  virtual void forget_column(const collection& of, const std::string& column, const std::string& index) = 0;
  /// SQL: rows whose text an earlier release wrote in a form that does not sort as the values do; empty where there are none.
  virtual std::string unsortable(const type_model& type, const std::string& column) const = 0;
  virtual bool has_any(const collection& of, const std::string& rows) = 0;
  /// By id, those behind `behind`, at most `most`.
  virtual std::vector<stored_body> bodies(const collection& of, const std::string& rows, const std::string& behind, std::size_t most) = 0;
  virtual void fill(const collection& of, const std::vector<const indexed_column*>& columns, const std::vector<filled_row>& with) = 0;
};

/// Creates the table, its columns and indexes where they are missing. A column that was not declared before is filled from the bodies, one
/// whose values an earlier release wrote otherwise likewise; one that is no longer declared stays, unindexed, for the release that may come
/// back. Throws `internal_error`
/// (`name_reserved`, `name_unusable`) for a name that cannot be used.
void prepare_table(table_statements& on, const collection& of);

}  // namespace mamey::inline v1
