#pragma once

/// @file
/// For services.
/// A state in a table that another program made: one column per member, with the names of that table.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <mamey/domain/document.hpp>

namespace mamey::inline v1 {

/// The column name of a member that has no `column<…>` entry: `customer_id`, `customerId`, `CustomerId`.
enum class column_naming : std::uint8_t { as_written, snake_case, camel_case, pascal_case };

/// What an enum's column holds: its number, or its name.
enum class enum_column : std::uint8_t { number, snake_case, camel_case, pascal_case };

/// How uuids and times are written where the database keeps them as texts (SQLite). They are read in either form.
enum class column_texts : std::uint8_t {
  iso,      ///< as on the wire: uuids in lower case, `2026-01-31T12:00:00Z`
  ef_core,  ///< as EF Core keeps them: uuids in upper case, `2026-01-31 12:00:00`
};

/// Made by `column<&OrderState::customer_id>("ClientId")`.
struct named_column {
  const type_key* owner = nullptr;
  std::size_t offset = 0;
  std::string name;
};

/// The table of a state (or read model), for `static mamey::table_mapping mapping()` beside its members. Names are taken letter by letter.
///
///     static mamey::table_mapping mapping() {
///       return {.table = "Orders", .id = "Id", .version = "Version", .naming = mamey::column_naming::pascal_case};
///     }
///
/// Every member is a column. A member `id`, or one whose column is the id's, is the id. Lists (but of bytes), dictionaries and nested
/// structs are JSON. The table is not ours: its columns are checked at the start, and those without a member are left alone.
struct table_mapping {
  std::string table = {};   ///< empty: the name of the collection
  std::string schema = {};  ///< empty: the schema of the service's own tables, then the database's own search path
  std::string id = "id";    ///< a key: no two rows may share an id
  std::string version =
      "version";  ///< an integer that counts saves; null counts as 0. Empty: none, and the last write wins, as always for read models
  std::string position = {};  ///< an integer that counts events; null counts as 0. Empty: none, and each load begins at 0
  column_naming naming = column_naming::as_written;
  enum_column enums = enum_column::number;
  column_texts texts = column_texts::iso;
  std::vector<named_column> columns = {};  ///< columns whose names do not follow `naming`
};

/// A mapping, completed from the types.
struct mapped_table : table_mapping {
  const type_model* id_type = nullptr;
  const member_model* id_member = nullptr;  ///< null: the state does not hold its id
  std::vector<indexed_column> others;       ///< the columns of members that are not declared as indexes
};

/// The kind of value in a member's column.
enum class column_content : std::uint8_t { boolean, integer, real, decimal, uuid, time, date, text, bytes, json };

/// Looks into optionals.
column_content content_of(const type_model& type, enum_column enums);

/// A member's value as its column holds it, and the reverse. The text names the expected form when the value does not fit; it is empty on
/// success. Null leaves a member that is not an optional unchanged.
sql_value mapped_value(const type_model& type, const void* object, const table_mapping& mapping);
std::string read_mapped_value(const sql_value& from, const type_model& type, void* object);

/// The value of a condition, which was made without the mapping, in the form of the column.
sql_value mapped_condition(sql_value value, const type_model& type, const table_mapping& mapping);

/// A time that was written with a blank, as ISO 8601.
std::string iso_time(std::string text);

namespace detail {
/// Gives `to` the table that `mapping` describes. Throws std::logic_error when it contradicts itself.
void map_collection(collection& to, table_mapping mapping, const type_model& id);
}  // namespace detail

}  // namespace mamey::inline v1
