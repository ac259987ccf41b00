#pragma once

/// @file
/// For providers and the framework.
/// A collection as a table of an SQL database: `id`, `version`, `position`, `body` and one column per declared member. A mapped collection
/// has the columns of its table. This file has the common part of the statements for all databases; a provider describes the differences
/// and runs them.

#include <cstddef>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

/// The differences between databases.
struct sql_dialect {
  char parameter = '?';             ///< before a parameter's number: `$1`, `?1`
  std::string_view integer_cast{};  ///< behind a parameter whose type the server cannot infer: `::bigint`
  std::string_view upper_case{};    ///< a function, where uuids are texts
  std::string_view
      sorting{};  ///< before `id` in an order: the rows are found by a condition's index and then sorted, not read in order of the id; empty: the planner knows
  std::string_view null_safe{};                              ///< an operator like `=` that also finds null; empty: write `is null`
  std::string (*quoted)(const std::string& name) = nullptr;  ///< throws `internal_error` for a text that cannot name a table or column
  bool cuts_times = false;                                   ///< whether a column holds a time to the microsecond only
  /// The sort expression for a column of a mapped table whose stored form does not sort correctly; null: there is no such column.
  std::string (*sorted_as)(const indexed_column& column, const std::string& expression) = nullptr;
  /// The expression by which a condition compares a column of a mapped table, where its own collation may compare otherwise than by bytes;
  /// null: the column itself.
  std::string (*compared_as)(const indexed_column& column, bool by_order, const std::string& expression) = nullptr;
  /// The expression `body` with these members replaced: each the name of a member on the wire and the parameter that holds its JSON.
  std::string (*body_with)(std::span<const std::pair<std::string, std::string>> members) = nullptr;
  /// A decimal as the database holds it, where that is something else than a document has; null: nowhere.
  sql_value (*stored_as)(const collection& in, const indexed_column& column, sql_value value) = nullptr;
};

/// A statement and its parameters, from the first.
struct bound_sql {
  std::string text;
  std::vector<sql_value> values;
};

/// The statements of one collection, written once. Any thread.
class document_table {
 public:
  document_table(const collection& from, const sql_dialect& dialect);

  const collection of;
  /// Returns id, version, position, body, then the columns; takes the id. Parts that a mapped table does not have are 0 and an empty text.
  std::string load;
  /// One statement per kind of write. In a versioned collection, `update` and `remove` apply to the expected version only. The store counts
  /// versions: an insert has version 1, an update one more than the row.
  std::string insert, update, upsert, remove;

  const std::string& text_of(write_kind kind) const noexcept;
  /// The columns of a document as the database holds them: `content.columns`, or `kept`, which is filled where one of them differs.
  const std::vector<sql_value>& stored_columns(const document& content, std::vector<sql_value>& kept) const;
  /// Hands the values that `text_of(change.kind)` takes to `put`, in order. `columns` as `stored_columns` gives them.
  template <class Put>
  void give_values(const document_write& change, const std::vector<sql_value>& columns, Put put) const {
    const auto& content = change.content;
    put(content.id);
    if (change.kind != write_kind::remove) {
      check_columns(content);
      if (!of.mapped || !of.mapped->position.empty()) put(content.position);
      if (!of.mapped) put(content.body);
      for (const auto& value : columns) put(value);
    }
    if (of.versioned && (change.kind == write_kind::update || change.kind == write_kind::remove)) put(change.expected_version);
  }
  /// Whether the write must change a row; if it changed none, the row was not in the expected state.
  bool expects_a_row(write_kind kind) const noexcept { return kind == write_kind::update || (kind == write_kind::remove && of.versioned); }
  [[noreturn]] void throw_not_as_expected(const document_write& change) const;
  /// A row with these values in these columns exists already (no columns: the database does not say which). Throws `concurrency_conflict`
  /// (`already_exists`) that names the members and no value.
  [[noreturn]] void throw_taken(const std::vector<std::string>& columns) const;

  /// Throws `internal_error` for a column that was not declared.
  bound_sql find(const document_query& query) const;
  bound_sql count(std::span<const column_condition> where) const;
  /// The statement of an `update_where` or `remove_where`.
  bound_sql bulk(const document_write& change) const;

 private:
  void check_columns(const document& content) const;
  const indexed_column& declared(const std::string& name) const;
  std::string quoted(const std::string& column) const;
  std::string hole(std::size_t number) const { return dialect_.parameter + std::to_string(number); }
  std::string id_hole(std::size_t number) const;
  std::string conditions(std::span<const column_condition> where, std::vector<sql_value>& values) const;
  std::string condition(const column_condition& asked, std::vector<sql_value>& values) const;
  std::string comparison_of(const column_condition& asked, std::vector<sql_value>& values) const;
  sql_value stored(const indexed_column& column, sql_value value) const;
  std::string sort_key(const std::string& order_by, const std::string& expression) const;
  std::string order(const document_query& query) const;
  std::vector<std::string> ranges_behind(const document_query& query, std::vector<sql_value>& values) const;

  sql_dialect dialect_;
  bool stores_otherwise_ = false;
  std::string id_, table_, version_sum_, select_, count_;
};

/// A unique index cannot be made over the rows that are there. Throws `internal_error` (`not_unique`) that says where and what to do, and no value.
[[noreturn]] void throw_not_unique(const collection& in, const indexed_column& column);

/// `database::query` was given a statement that changes something. Throws `internal_error` (`query_writes`).
[[noreturn]] void throw_query_writes(std::string_view sql);

/// `email`, or `street and city together`: the columns of taken values, as the beginning of a sentence.
std::string names_of_taken(const std::vector<std::string>& names);

/// `"name"` for a name that another program chose: any text that is not empty and has no U+0000; throws `internal_error` for others.
std::string quoted_as_it_is(const std::string& name);
/// `'text'`, as SQL has it.
std::string quoted_text(std::string_view text);
/// The table of a mapping, quoted, with its schema if it names one.
std::string quoted_table(const table_mapping& of);

/// The tables a store was prepared for. Any thread.
class document_tables {
 public:
  explicit document_tables(const sql_dialect& dialect) : dialect_(dialect) {}
  void add(std::span<const collection* const> collections);
  bool cuts_times() const noexcept { return dialect_.cuts_times; }
  /// Valid as long as this. Throws `internal_error` naming a collection the store was not prepared for.
  const document_table& at(const collection& wanted) const;

 private:
  sql_dialect dialect_;
  mutable std::shared_mutex mutex_;
  std::map<const collection*, std::unique_ptr<const document_table>> tables_;
};

}  // namespace mamey::inline v1
