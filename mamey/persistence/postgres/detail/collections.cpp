#include <mamey/persistence/postgres/detail/collections.hpp>

#include <algorithm>
#include <mutex>

#include <mamey/core/error.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// `, "a"…` for each declared column, by `each(quoted name, number from 0)`.
template <class Each>
std::string for_columns(const collection& of, Each each) {
  std::string text;
  for (std::size_t i = 0; i < of.columns.size(); ++i) text += ", " + each(quoted(of.columns[i].name), i);
  return text;
}

std::string hole(std::size_t number) { return "$" + std::to_string(number); }

const indexed_column& declared(const collection& in, const std::string& name) {
  const auto found = std::ranges::find(in.columns, name, &indexed_column::name);
  if (found == in.columns.end())
    throw internal_error("column_unknown", "collection {name} has no column {column}: declare it as an index", in.name, name);
  return *found;
}

std::string where_clause(const collection& in, std::span<const column_condition> where, parameters& values) {
  std::string text;
  for (const auto& condition : where) {
    const auto name = quoted(condition.column == "id" ? "id" : declared(in, condition.column).name);
    text += (text.empty() ? " where " : " and ") + name;
    if (std::holds_alternative<std::monostate>(condition.value)) {
      text += " is null";
    } else {
      values.add(condition.value);
      text += " = " + hole(values.size());
    }
  }
  return text;
}

std::string order_clause(const collection& in, const document_query& query) {
  const std::string direction = query.ascending ? " asc" : " desc";
  if (query.order_by == "id") return " order by id" + direction;
  // Without a value first, as on every other store.
  const std::string nulls = query.ascending ? " nulls first" : " nulls last";
  return " order by " + quoted(declared(in, query.order_by).name) + direction + nulls + ", id" + direction;
}

}  // namespace

table::table(const collection& from) : of(from) {
  const auto name = quoted(of.name);
  const auto names = for_columns(of, [](const std::string& column, std::size_t) { return column; });
  // $1 id, $2 position, $3 body, then the columns, then the expected version.
  const auto holes = for_columns(of, [](const auto&, std::size_t i) { return hole(4 + i); });
  const auto sets = for_columns(of, [](const auto& column, std::size_t i) { return column + " = " + hole(4 + i); });
  const auto overwrites = for_columns(of, [](const auto& column, std::size_t) { return column + " = excluded." + column; });
  const auto checked = [](const std::string& change) {
    return "with changed as (" + change + " returning 1) select mamey_expect(count(*), 1) from changed";
  };

  select = "select id, version, position, body" + names + " from " + name;
  load = select + " where id = $1";
  count = "select count(*) from " + name;
  insert = "insert into " + name + " (id, position, body" + names + ", version) values ($1, $2, $3" + holes + ", 1)";
  upsert = insert + " on conflict (id) do update set version = " + name +
           ".version + 1, position = excluded.position, body = excluded.body" + overwrites;
  const auto update_set = "update " + name + " set version = version + 1, position = $2, body = $3" + sets + " where id = $1";
  update = checked(update_set + " and version = " + hole(4 + of.columns.size()));
  update_any = checked(update_set);
  remove = checked("delete from " + name + " where id = $1 and version = $2");
  remove_any = "delete from " + name + " where id = $1";
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

step load_step(const table& from, std::string_view id) { return {.text = from.load, .values = parameters().add(id), .result = {}}; }

step find_step(const table& in, const document_query& query) {
  step made;
  made.text = in.select + where_clause(in.of, query.where, made.values) + order_clause(in.of, query);
  made.values.add(std::max<std::int64_t>(query.limit, 0)).add(std::max<std::int64_t>(query.offset, 0));
  made.text += " limit " + hole(made.values.size() - 1) + "::bigint offset " + hole(made.values.size()) + "::bigint";
  return made;
}

step count_step(const table& in, std::span<const column_condition> where) {
  step made;
  made.text = in.count + where_clause(in.of, where, made.values);
  return made;
}

std::vector<document> read_documents(const rows& found) {
  std::vector<document> all;
  all.reserve(static_cast<std::size_t>(found.count()));
  for (int row = 0; row < found.count(); ++row) {
    auto& read = all.emplace_back(document{.id = found.text(row, 0),
                                           .version = found.integer(row, 1),
                                           .position = found.integer(row, 2),
                                           .body = found.text(row, 3),
                                           .columns = {}});
    read.columns.reserve(static_cast<std::size_t>(found.columns() - 4));
    for (int column = 4; column < found.columns(); ++column) read.columns.push_back(found.value(row, column));
  }
  return all;
}

step write_step(const table& into, const document_write& change) {
  const auto& content = change.content;
  if (change.kind != write_kind::remove && content.columns.size() != into.of.columns.size()) {
    throw internal_error("columns_missing", "a write to {collection} has {count} column values, {declared} are declared", into.of.name,
                         content.columns.size(), into.of.columns.size());
  }
  step made;
  made.values.add(content.id);
  if (change.kind == write_kind::remove) {
    made.text = into.of.versioned ? into.remove : into.remove_any;
    if (into.of.versioned) made.values.add(change.expected_version);
    return made;
  }
  made.values.add(content.position).add(content.body);
  for (const auto& value : content.columns) made.values.add(value);
  if (change.kind == write_kind::insert) made.text = into.insert;
  if (change.kind == write_kind::upsert) made.text = into.upsert;
  if (change.kind == write_kind::update) {
    made.text = into.of.versioned ? into.update : into.update_any;
    if (into.of.versioned) made.values.add(change.expected_version);
  }
  return made;
}

void throw_not_as_expected(const table& in, const document_write& change) {
  if (!in.of.versioned) {
    throw concurrency_conflict("concurrency_conflict", "{collection} {id} was removed meanwhile", in.of.name, change.content.id);
  }
  throw concurrency_conflict("concurrency_conflict", "{collection} {id} was changed meanwhile: version {version} was expected", in.of.name,
                             change.content.id, change.expected_version);
}

}  // namespace mamey::inline v1::postgres_detail
