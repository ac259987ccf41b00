#pragma once

/// @file
/// For providers and the framework.
/// The interface between repositories and a store: documents with declared columns, and plain SQL. No database is named here.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <mamey/core/reflect.hpp>

namespace mamey::inline v1 {

struct sql_value;

namespace detail {
using sql_variant = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::byte>>;
template <class T>
concept sql_scalar = !std::is_constructible_v<sql_variant, const T&> && (has_text_codec<T> || std::is_enum_v<T> || std::is_integral_v<T>);
sql_value parameter_of(const type_model& model, const void* value);
}  // namespace detail

/// A value of a column or a statement's parameter: an integer, a double, text, bytes, or null (`nullptr`, an empty optional). A type with a
/// text form (uuid, strong id, decimal, time, duration) becomes that text, an enum its wire name, a bool 0 or 1. Throws `internal_error`
/// (`value_too_big`) for an integer that needs all 64 bits without sign.
struct sql_value : detail::sql_variant {
  using base = variant;
  using variant::variant;
  sql_value(std::nullptr_t) noexcept {}
  bool is_null() const noexcept { return index() == 0; }
  template <detail::sql_scalar T>
  sql_value(const T& value);
  template <class T>
    requires std::is_constructible_v<base, const T&> || detail::sql_scalar<T>
  sql_value(const std::optional<T>& value);
};

template <detail::sql_scalar T>
sql_value::sql_value(const T& value) : sql_value(detail::parameter_of(model_of<T>(), &value)) {}
template <class T>
  requires std::is_constructible_v<sql_value::base, const T&> || detail::sql_scalar<T>
sql_value::sql_value(const std::optional<T>& value) {
  if (value) *this = sql_value(*value);
}

/// A member of the stored struct that is also a column, so that it can be searched.
struct indexed_column {
  std::string name;  ///< as in C++; in a mapped table: the name of its column
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
  std::shared_ptr<const mapped_table> mapped =
      nullptr;                      ///< a table that another program made (table_mapping.hpp), with one column per member and no body
  const type_key* owner = nullptr;  ///< the aggregate or read model in this collection; null: made by hand
  std::shared_ptr<void> (*make)() = nullptr;  ///< a default-constructed object of the model, to read into; null: made by hand
  const type_key* base = nullptr;             ///< of an aggregate: its `mamey::aggregate<Id, State>`
};

/// One stored object. `body` is JSON of the model; `columns` has the order of `collection::columns`. A mapped table has no body; there the
/// columns of `mapped_table::others` follow.
struct document {
  std::string id;
  std::int64_t version = 0;   ///< counts saves; 0: not stored yet
  std::int64_t position = 0;  ///< counts the events it raised
  std::string body;
  std::vector<sql_value> columns;
};

/// How a condition compares. `every`, `some` and `none` combine other conditions.
enum class condition_kind : std::uint8_t { equal, less, at_most, greater, at_least, one_of, every, some, none };

/// A condition on rows: `column = value`, or another comparison. Every row either meets it or does not; nothing is unknown. Null is equal to
/// null and meets no other comparison. Texts are compared by their bytes, all other values as their types do. `none` is met by exactly the
/// rows that meet none of its parts.
struct column_condition {
  std::string column;  ///< a declared column, or `id` (`equal` and `one_of` only); empty for `every`, `some` and `none`
  sql_value value;
  condition_kind how = condition_kind::equal;
  std::vector<sql_value> values = {};        ///< of `one_of`; none of them is null
  std::vector<column_condition> parts = {};  ///< of `every` (true without parts), `some` (false without parts) and `none`
};

/// The kind of a write. `update_where` and `remove_where` change all rows that meet a condition, in one statement.
enum class write_kind : std::uint8_t { insert, update, upsert, remove, update_where, remove_where };

/// A member's new value, for all rows of an `update_where`.
struct member_assignment {
  const member_model* member = nullptr;
  std::string column;  ///< the declared column, or the column of a mapped table; empty: the body only
  sql_value value;     ///< as the column holds it
  std::string json;    ///< as the body holds it
};

/// A recorded change of one document. `update` and `remove` of a versioned collection apply only to the row whose version is
/// `expected_version`. `update_where` and `remove_where` have no content; they check no version, and `update_where` counts it.
struct document_write {
  const collection* into = nullptr;
  write_kind kind = write_kind::upsert;
  document content;
  std::int64_t expected_version = 0;
  std::vector<column_condition> where = {};      ///< of `update_where` and `remove_where`: all of them hold
  std::vector<member_assignment> assigned = {};  ///< of `update_where`
};

constexpr bool is_bulk(write_kind kind) noexcept { return kind == write_kind::update_where || kind == write_kind::remove_where; }

/// A place in an order: the value of the sorting column (none when sorted by id) and the id of the document that was there. The document
/// may have been removed.
struct document_place {
  sql_value key;
  std::string id;
};

/// Sorted by a column, then by id, both in the same direction. A document without a value counts as before all others.
struct document_query {
  std::vector<column_condition> where;
  std::string order_by = "id";  ///< a declared column, or `id`
  const member_model* unindexed =
      nullptr;  ///< `order_by` is this member without a column: the unit of work sorts by it and never passes it to a reader
  bool ascending = true;
  std::optional<document_place> after = std::nullopt;  ///< only documents after this place
  std::int64_t offset = 0;
  std::int64_t limit = 100;
};

/// A recorded statement: `update stock set amount = amount - ? where sku = ?`.
struct sql_statement {
  std::string text;
  std::vector<sql_value> parameters = {};
  std::optional<std::int64_t> expected_rows = {};  ///< a different number of changed rows is a concurrency_conflict
};

struct sql_row;

namespace detail {
void read_column(const sql_row& row, std::size_t index, const type_model& type, void* object);
/// What is wrong; empty: the object has the value.
std::string try_column(const sql_row& row, std::size_t index, const type_model& type, void* object);
std::size_t column_index(const sql_row& row, std::string_view column);
}  // namespace detail

/// A row of a plain query, by column. A copy may be kept.
struct sql_row {
  std::span<const std::string> names;
  std::vector<sql_value> values;
  std::shared_ptr<const std::vector<std::string>> names_owner = {};  ///< set by stores: owns the texts of `names`, shared by all rows

  /// A column as a T: bool, a number, text, an enum, uuid, decimal, a time, std::vector<std::byte>, or std::optional of one of them for a
  /// value that may be null: `row.get<mamey::decimal>("price")`. Throws internal_error: `no_column`, and `column_mismatch`, which names the
  /// type of the column and the wanted type.
  template <class T>
  T get(std::string_view column) const {
    return get<T>(detail::column_index(*this, column));
  }
  /// By its number, from 0.
  template <class T>
  T get(std::size_t column) const {
    T value{};
    detail::read_column(*this, column, model_of<T>(), &value);
    return value;
  }
};

/// Plain SQL that reads.
class sql_reader {
 public:
  virtual ~sql_reader() = default;
  /// Calls `each` with the rows, one after another, on the caller's fiber.
  virtual void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) = 0;
};

/// Reads. Each call sees one consistent, committed state (a snapshot, or the open transaction of an interactive unit).
class document_reader {
 public:
  virtual ~document_reader() = default;
  virtual std::optional<document> load(const collection& from, std::string_view id) = 0;
  virtual std::vector<document> find(const collection& in, const document_query& query) = 0;
  virtual std::int64_t count(const collection& in, std::span<const column_condition> where) = 0;
  /// Plain SQL on the same state; null: this store offers none.
  virtual sql_reader* sql() noexcept { return nullptr; }
  /// Whether columns hold times to the microsecond only. The unit of work then cuts smaller parts from the values that it writes and
  /// searches for.
  virtual bool cuts_times() const noexcept { return false; }
};

}  // namespace mamey::inline v1
