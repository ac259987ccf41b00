#pragma once

/// @file
/// A collection as a table of an SQL database: `id`, `version`, `position`, `body` and a column for each declared one; or, where the collection is mapped,
/// the columns that its table has. What the statements of all databases have in common; a provider says what differs and runs them.

#include <cstddef>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/domain/table_mapping.hpp>

namespace mamey::inline v1 {

/// What differs between databases.
struct sql_dialect {
  char parameter = '?';             ///< before a parameter's number: `$1`, `?1`
  std::string_view integer_cast{};  ///< behind a parameter whose type the server cannot infer: `::bigint`
  std::string_view upper_case{};    ///< a function, where uuids are texts
  std::string_view null_safe{};     ///< an operator that is `=` and finds null as well; empty: write `is null`
  std::string (*quoted)(const std::string& name) = nullptr;  ///< throws `internal_error` for what cannot name a table or column
  /// What to sort by in place of a column whose values do not sort as they are stored; null: nothing of that kind.
  std::string (*sorted_as)(const indexed_column& column, const std::string& expression) = nullptr;
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
  /// Answers id, version, position, body, then the columns; takes the id. What a mapped table does not have is answered as 0 and an empty text.
  std::string load;
  /// For each kind of write; of a versioned collection, `update` and `remove` apply to the expected version only. The store counts versions: an insert is
  /// 1, an update one more than the row has.
  std::string insert, update, upsert, remove;

  const std::string& text_of(write_kind kind) const noexcept;
  /// Hands the values that `text_of(change.kind)` takes to `put`, in order.
  template <class Put>
  void give_values(const document_write& change, Put put) const {
    const auto& content = change.content;
    put(content.id);
    if (change.kind != write_kind::remove) {
      check_columns(content);
      if (!of.mapped || !of.mapped->position.empty()) put(content.position);
      if (!of.mapped) put(content.body);
      for (const auto& value : content.columns) put(value);
    }
    if (of.versioned && (change.kind == write_kind::update || change.kind == write_kind::remove)) put(change.expected_version);
  }
  /// Whether a row must have been changed, or the write met something else than it expected.
  bool expects_a_row(write_kind kind) const noexcept { return kind == write_kind::update || (kind == write_kind::remove && of.versioned); }
  [[noreturn]] void throw_not_as_expected(const document_write& change) const;

  /// Throws `internal_error` for a column that was not declared.
  bound_sql find(const document_query& query) const;
  bound_sql count(std::span<const column_condition> where) const;

 private:
  void check_columns(const document& content) const;
  const indexed_column& declared(const std::string& name) const;
  std::string quoted(const std::string& column) const;
  std::string hole(std::size_t number) const { return dialect_.parameter + std::to_string(number); }
  std::string id_hole(std::size_t number) const;
  std::string conditions(std::span<const column_condition> where, std::vector<sql_value>& values) const;
  std::string sort_key(const std::string& order_by, const std::string& expression) const;
  std::string order(const document_query& query) const;
  std::vector<std::string> ranges_behind(const document_query& query, std::vector<sql_value>& values) const;

  sql_dialect dialect_;
  std::string id_, select_, count_;
};

/// `"name"` for a name that somebody else chose: any text that is not empty and holds no U+0000; throws `internal_error` for others.
std::string quoted_as_it_is(const std::string& name);
/// The table of a mapping, quoted, with its schema if it names one.
std::string quoted_table(const table_mapping& of);

/// The tables a store was prepared for. Any thread.
class document_tables {
 public:
  explicit document_tables(const sql_dialect& dialect) : dialect_(dialect) {}
  void add(std::span<const collection* const> collections);
  /// Valid as long as this. Throws `internal_error` naming a collection the store was not prepared for.
  const document_table& at(const collection& wanted) const;

 private:
  sql_dialect dialect_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::unique_ptr<const document_table>, std::less<>> tables_;
};

}  // namespace mamey::inline v1
