#include <mamey/persistence/sqlite/detail/collections.hpp>

#include <algorithm>
#include <mutex>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/collection_schema.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

/// `, "a"…` for each declared column, by `each`.
template <class Each>
std::string for_columns(const collection& of, Each each) {
  std::string text;
  for (const auto& column : of.columns) text += std::string(", ") + each(quoted(column.name));
  return text;
}

document read_document(const statement& row) {
  document read{.id = row.text(0), .version = row.integer(1), .position = row.integer(2), .body = row.text(3), .columns = {}};
  read.columns.reserve(static_cast<std::size_t>(row.columns() - 4));
  for (int column = 4; column < row.columns(); ++column) read.columns.push_back(row.value(column));
  return read;
}

const indexed_column& declared(const collection& in, const std::string& name) {
  const auto found = std::ranges::find(in.columns, name, &indexed_column::name);
  if (found == in.columns.end())
    throw internal_error("column_unknown", "collection {name} has no column {column}: declare it as an index", in.name, name);
  return *found;
}

std::string where_clause(const collection& in, std::span<const column_condition> where) {
  std::string text;
  for (const auto& condition : where) {
    const auto name = condition.column == "id" ? "id" : declared(in, condition.column).name;
    text += (text.empty() ? " where " : " and ") + quoted(name) + " is ?";  // `is` finds nulls too, and uses the index
  }
  return text;
}

std::string order_clause(const collection& in, const document_query& query) {
  const std::string direction = query.ascending ? " asc" : " desc";
  if (query.order_by == "id") return " order by id" + direction;
  const auto& column = declared(in, query.order_by);
  // A decimal is kept as text, so that nothing of it is lost, and sorts as the number it is.
  const bool is_number = column.member && value_type(*column.member).written_as_number;
  const auto key = is_number ? "cast(" + quoted(column.name) + " as real)" : quoted(column.name);
  return " order by " + key + direction + ", id" + direction;
}

void bind_conditions(statement& into, std::span<const column_condition> where) {
  for (const auto& condition : where) into.bind(condition.value);
}

[[noreturn]] void throw_not_as_expected(const table& in, const document_write& change) {
  if (!in.of.versioned) {
    throw concurrency_conflict("concurrency_conflict", "{collection} {id} was removed meanwhile", in.of.name, change.content.id);
  }
  throw concurrency_conflict("concurrency_conflict", "{collection} {id} was changed meanwhile: version {version} was expected", in.of.name,
                             change.content.id, change.expected_version);
}

}  // namespace

table::table(const collection& from) : of(from) {
  const auto name = quoted(of.name);
  const auto names = for_columns(of, [](const std::string& column) { return column; });
  const auto holes = for_columns(of, [](const auto&) { return "?"; });
  const auto sets = for_columns(of, [](const auto& column) { return column + " = ?"; });
  const auto overwrites = for_columns(of, [](const auto& column) { return column + " = excluded." + column; });

  select = "select id, version, position, body" + names + " from " + name;
  load = select + " where id = ?";
  count = "select count(*) from " + name;
  insert = "insert into " + name + " (id, position, body" + names + ", version) values (?, ?, ?" + holes + ", 1)";
  upsert =
      insert + " on conflict (id) do update set version = version + 1, position = excluded.position, body = excluded.body" + overwrites;
  const auto update_set = "update " + name + " set version = version + 1, position = ?, body = ?" + sets + " where id = ?";
  update = update_set + " and version = ?";
  update_any = update_set;
  remove = "delete from " + name + " where id = ? and version = ?";
  remove_any = "delete from " + name + " where id = ?";
}

void catalog::prepare(connection& on, std::span<const collection* const> collections) {
  prepare_tables(on, collections);
  const std::unique_lock lock(mutex_);
  for (const auto* each : collections) tables_.try_emplace(each->name, std::make_unique<const table>(*each));
}

const table& catalog::at(const collection& wanted) const {
  const std::shared_lock lock(mutex_);
  const auto found = tables_.find(wanted.name);
  if (found == tables_.end())
    throw internal_error("collection_unknown", "the store was not prepared for the collection {name}", wanted.name);
  return *found->second;  // never erased
}

std::optional<document> load_document(connection& on, const table& from, std::string_view id) {
  auto row = on.use(from.load);
  row.bind(id);
  if (!row.step()) return std::nullopt;
  return read_document(row);
}

std::vector<document> find_documents(connection& on, const table& in, const document_query& query) {
  auto rows = on.use(in.select + where_clause(in.of, query.where) + order_clause(in.of, query) + " limit ? offset ?");
  bind_conditions(rows, query.where);
  rows.bind(std::max<std::int64_t>(query.limit, 0)).bind(std::max<std::int64_t>(query.offset, 0));
  std::vector<document> found;
  while (rows.step()) found.push_back(read_document(rows));
  return found;
}

std::int64_t count_documents(connection& on, const table& in, std::span<const column_condition> where) {
  auto row = on.use(in.count + where_clause(in.of, where));
  bind_conditions(row, where);
  row.step();
  return row.integer(0);
}

void write_document(connection& on, const table& into, const document_write& change) {
  const auto& content = change.content;
  if (change.kind != write_kind::remove && content.columns.size() != into.of.columns.size()) {
    throw internal_error("columns_missing", "a write to {collection} has {count} column values, {declared} are declared", into.of.name,
                         content.columns.size(), into.of.columns.size());
  }
  const auto bind_content = [&](statement& to) {
    to.bind(content.position).bind(content.body);
    for (const auto& value : content.columns) to.bind(value);
  };
  switch (change.kind) {
    case write_kind::insert:
    case write_kind::upsert: {
      auto row = on.use(change.kind == write_kind::insert ? into.insert : into.upsert);
      row.bind(content.id);
      bind_content(row);
      row.run();
      return;
    }
    case write_kind::update: {
      auto row = on.use(into.of.versioned ? into.update : into.update_any);
      bind_content(row);
      row.bind(content.id);
      if (into.of.versioned) row.bind(change.expected_version);
      if (row.run() != 1) throw_not_as_expected(into, change);
      return;
    }
    case write_kind::remove: {
      auto row = on.use(into.of.versioned ? into.remove : into.remove_any);
      row.bind(content.id);
      if (into.of.versioned) row.bind(change.expected_version);
      if (row.run() != 1 && into.of.versioned) throw_not_as_expected(into, change);
      return;
    }
  }
}

}  // namespace mamey::inline v1::sqlite_detail
