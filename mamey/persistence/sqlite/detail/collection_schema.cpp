#include <mamey/persistence/sqlite/detail/collection_schema.hpp>

#include <algorithm>
#include <cctype>
#include <set>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

struct known_column {
  std::string name;
  bool unique = false;
};

std::string index_name(const collection& of, const std::string& column) { return quoted(of.name + "_" + column + "_ix"); }

std::vector<known_column> known_columns(connection& on, const collection& of) {
  auto rows = on.use("select name, is_unique from mamey_columns where collection = ?");
  rows.bind(of.name);
  std::vector<known_column> found;
  while (rows.step()) found.push_back({rows.text(0), rows.integer(1) != 0});
  return found;
}

bool has_column(connection& on, const collection& of, const std::string& column) {
  auto row = on.use("select 1 from pragma_table_info(?) where name = ?");
  row.bind(of.name).bind(column);
  return row.step();
}

/// SQL for what the framework would have put into the column, taken from the body: numbers as numbers, booleans as 0 and 1, everything else
/// as its text.
std::string value_in_body(const indexed_column& column) {
  const auto path = "'$.\"" + std::string(column.member->wire_name) + "\"'";
  const auto extracted = "json_extract(body, " + path + ")";
  switch (value_type(*column.member).kind) {
    case shape::boolean:
    case shape::integer:
    case shape::unsigned_integer:
      return "cast(" + extracted + " as integer)";
    case shape::real:
      return "cast(" + extracted + " as real)";
    // `->` keeps the text of a number: 20.50, where json_extract would give 20.5.
    default:
      return "case json_type(body, " + path + ") when 'text' then " + extracted + " when 'null' then null else body -> " + path + " end";
  }
}

void add_column(connection& on, const collection& to, const indexed_column& column) {
  if (!has_column(on, to, column.name)) on.execute("alter table " + quoted(to.name) + " add column " + quoted(column.name));
  if (column.member) on.execute("update " + quoted(to.name) + " set " + quoted(column.name) + " = " + value_in_body(column));
}

void add_index(connection& on, const collection& to, const indexed_column& column) {
  const auto index = index_name(to, column.name);
  on.execute("drop index if exists " + index + "; create " + (column.unique ? "unique " : "") + "index " + index + " on " +
             quoted(to.name) + " (" + quoted(column.name) + ")");
  on.use("insert or replace into mamey_columns (collection, name, is_unique) values (?, ?, ?)")
      .bind(to.name)
      .bind(column.name)
      .bind(column.unique ? 1 : 0)
      .run();
}

void forget_column(connection& on, const collection& of, const std::string& column) {
  on.execute("drop index if exists " + index_name(of, column));
  on.use("delete from mamey_columns where collection = ? and name = ?").bind(of.name).bind(column).run();
}

void check_names(const collection& of) {
  static const std::set<std::string, std::less<>> ours{"id", "version", "position", "body"};
  quoted(of.name);
  if (of.name.starts_with("mamey_") || of.name.starts_with("sqlite_"))
    throw internal_error("name_reserved", "a collection cannot be called {name}", of.name);
  for (const auto& column : of.columns) {
    quoted(of.name + "_" + column.name);
    if (ours.contains(column.name))
      throw internal_error("name_reserved", "{collection}: a column cannot be called {column}", of.name, column.name);
  }
}

void prepare_table(connection& on, const collection& of) {
  check_names(of);
  on.execute("create table if not exists " + quoted(of.name) +
             " (id text primary key not null, version integer not null, position integer not null, body text not null)");
  const auto known = known_columns(on, of);
  for (const auto& column : of.columns) {
    const auto before = std::ranges::find(known, column.name, &known_column::name);
    if (before == known.end()) add_column(on, of, column);
    if (before == known.end() || before->unique != column.unique) add_index(on, of, column);
  }
  for (const auto& before : known) {
    if (std::ranges::find(of.columns, before.name, &indexed_column::name) == of.columns.end()) forget_column(on, of, before.name);
  }
}

}  // namespace

std::string quoted(const std::string& name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (name.empty() || name.size() > 127 || std::isdigit(static_cast<unsigned char>(name.front())) != 0 ||
      !std::ranges::all_of(name, fits)) {
    throw internal_error("name_unusable", "\"{name}\" cannot name a table or column: letters, digits and _, at most 127, a letter first",
                         name);
  }
  return '"' + name + '"';
}

const type_model& value_type(const member_model& member) {
  const auto& declared = member.type();
  return declared.kind == shape::optional ? declared.element() : declared;
}

void prepare_tables(connection& on, std::span<const collection* const> collections) {
  begin_transaction(on);
  try {
    for (const auto* each : collections) {
      if (!each->mapped) prepare_table(on, *each);
    }
    commit_transaction(on);
  } catch (...) {
    roll_back_if_open(on);
    throw;
  }
}

}  // namespace mamey::inline v1::sqlite_detail
