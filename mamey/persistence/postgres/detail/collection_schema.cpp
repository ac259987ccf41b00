#include <mamey/persistence/postgres/detail/collection_schema.hpp>

#include <algorithm>
#include <array>
#include <cctype>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

struct known_column {
  std::string name;
  bool unique = false;
};

/// PostgreSQL cuts names at 63 bytes, silently and perhaps to the same name twice.
std::string index_name(const collection& of, const std::string& column) { return quoted(of.name + "_" + column + "_ix"); }

std::vector<known_column> known_columns(connection& on, const collection& of) {
  const auto found = run_statement(on, "select name, is_unique from mamey_columns where collection = $1", parameters().add(of.name));
  std::vector<known_column> known;
  for (int row = 0; row < found.count(); ++row) known.push_back({found.text(row, 0), found.boolean(row, 1)});
  return known;
}

/// The SQL type of a member. Text sorts by its bytes, as on every other store and as an index can be used for.
std::string sql_type(const indexed_column& column) {
  if (!column.member) return "text collate \"C\"";
  const auto& declared = column.member->type();
  const auto& value = declared.kind == shape::optional ? declared.element() : declared;
  switch (value.kind) {
    case shape::boolean:
      return "boolean";
    case shape::integer:
    case shape::unsigned_integer:
      return "bigint";
    case shape::real:
      return "double precision";
    case shape::scalar:
      if (value.written_as_number) return "numeric";
      if (value.format == "uuid") return "uuid";
      if (value.format == "date-time") return "timestamptz";
      return "text collate \"C\"";
    default:
      return "text collate \"C\"";
  }
}

void add_column(connection& on, const collection& to, const indexed_column& column) {
  const auto type = sql_type(column);
  run_statement(on, "alter table " + quoted(to.name) + " add column if not exists " + quoted(column.name) + " " + type);
  if (!column.member) return;
  const auto cast = type.substr(0, type.find(" collate"));
  // The wire name is an identifier of C++, so it needs no escape.
  run_statement(on, "update " + quoted(to.name) + " set " + quoted(column.name) + " = (body ->> '" + std::string(column.member->wire_name) +
                        "')::" + cast);
}

void add_index(connection& on, const collection& to, const indexed_column& column) {
  const auto index = index_name(to, column.name);
  run_statement(on, "drop index if exists " + index);
  run_statement(on, std::string("create ") + (column.unique ? "unique " : "") + "index " + index + " on " + quoted(to.name) + " (" +
                        quoted(column.name) + (column.unique ? ")" : " nulls first, id)"));  // as pages are sorted
  run_statement(on,
                "insert into mamey_columns (collection, name, is_unique) values ($1, $2, $3) on conflict (collection, name) do update set "
                "is_unique = excluded.is_unique",
                parameters().add(to.name).add(column.name).add(column.unique ? 1 : 0));
}

void forget_column(connection& on, const collection& of, const std::string& column) {
  run_statement(on, "drop index if exists " + index_name(of, column));
  run_statement(on, "delete from mamey_columns where collection = $1 and name = $2", parameters().add(of.name).add(column));
}

void check_names(const collection& of) {
  static constexpr std::array<std::string_view, 4> ours{"id", "version", "position", "body"};
  quoted(of.name);
  if (of.name.starts_with("mamey_") || of.name.starts_with("pg_"))
    throw internal_error("name_reserved", "a collection cannot be called {name}", of.name);
  for (const auto& column : of.columns) {
    index_name(of, column.name);
    if (std::ranges::find(ours, column.name) != ours.end())
      throw internal_error("name_reserved", "{collection}: a column cannot be called {column}", of.name, column.name);
  }
}

void prepare_table(connection& on, const collection& of) {
  check_names(of);
  run_statement(on, "create table if not exists " + quoted(of.name) +
                        " (id text collate \"C\" primary key, version bigint not null, position bigint not null, body jsonb not null)");
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
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  if (name.empty() || name.size() > 63 || std::isdigit(static_cast<unsigned char>(name.front())) != 0 || !std::ranges::all_of(name, fits)) {
    throw internal_error("name_unusable", "\"{name}\" cannot name a table or column: letters, digits, _ and -, at most 63, a letter first",
                         name);
  }
  return '"' + name + '"';
}

void prepare_tables(connection& on, std::span<const collection* const> collections) {
  open_transaction whole(on);
  lock_schema(on);
  for (const auto* each : collections) {
    if (!each->mapped) prepare_table(on, *each);
  }
  whole.commit();
}

}  // namespace mamey::inline v1::postgres_detail
