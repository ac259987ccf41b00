#include <mamey/persistence/document_table.hpp>

#include <algorithm>
#include <mutex>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {
namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view with) {
  std::string text;
  for (const auto& each : parts) text += (text.empty() ? "" : std::string(with)) + each;
  return text;
}

std::string where_clause(const std::vector<std::string>& conditions) {
  return conditions.empty() ? "" : " where " + joined(conditions, " and ");
}

}  // namespace

document_table::document_table(const collection& from, const sql_dialect& dialect) : of(from), dialect_(dialect) {
  const auto* const mapped = of.mapped.get();
  const auto table = mapped ? quoted_table(*mapped) : dialect.quoted(of.name);
  id_ = mapped ? quoted_as_it_is(mapped->id) : "id";

  // Counters of a mapped table may be missing, or null where somebody else wrote the row.
  const auto counter = [&](const std::string& name) {
    return name.empty() ? std::string("0") : "coalesce(" + quoted_as_it_is(name) + ", 0)";
  };
  const auto version = mapped ? counter(mapped->version) : "version";
  const bool counts_versions = !mapped || !mapped->version.empty();
  const auto version_column = mapped && counts_versions ? quoted_as_it_is(mapped->version) : "version";

  std::vector<std::string> answers{id_}, names;
  if (mapped) {
    answers.insert(answers.end(), {version + " as mamey_version", counter(mapped->position) + " as mamey_position", "'' as mamey_body"});
    if (!mapped->position.empty()) names.push_back(quoted_as_it_is(mapped->position));
  } else {
    answers.insert(answers.end(), {"version", "position", "body"});
    names = {"position", "body"};
  }
  const auto add = [&](const std::vector<indexed_column>& columns) {
    for (const auto& column : columns) {
      answers.push_back(quoted(column.name));
      names.push_back(answers.back());
    }
  };
  add(of.columns);
  if (mapped) add(mapped->others);

  std::vector<std::string> holes{id_hole(1)}, sets, overwrites;
  if (counts_versions) {
    sets.push_back(version_column + " = " + version + " + 1");
    overwrites.push_back(version_column + " = " + (mapped ? "coalesce(stored." + version_column + ", 0)" : "stored.version") + " + 1");
  }
  for (const auto& name : names) {
    holes.push_back(hole(holes.size() + 1));
    sets.push_back(name + " = " + holes.back());
    overwrites.push_back(name + " = excluded." + name);
  }
  const auto checked = [&](std::size_t number) { return of.versioned ? " and " + version + " = " + hole(number) : std::string(); };
  const auto last_hole = holes.size();
  std::vector<std::string> filled{id_};
  filled.insert(filled.end(), names.begin(), names.end());
  if (counts_versions) {
    filled.push_back(version_column);
    holes.push_back("1");
  }
  if (sets.empty()) sets.push_back(id_ + " = " + id_);

  select_ = "select " + joined(answers, ", ") + " from " + table;
  count_ = "select count(*) from " + table;
  load = select_ + " where " + id_ + " = " + id_hole(1);
  insert = "insert into " + table + " as stored (" + joined(filled, ", ") + ") values (" + joined(holes, ", ") + ")";
  upsert = insert + " on conflict (" + id_ + ") do " + (overwrites.empty() ? "nothing" : "update set " + joined(overwrites, ", "));
  update = "update " + table + " set " + joined(sets, ", ") + " where " + id_ + " = " + id_hole(1) + checked(last_hole + 1);
  remove = "delete from " + table + " where " + id_ + " = " + id_hole(1) + checked(2);
}

std::string document_table::id_hole(std::size_t number) const {
  const bool in_upper_case = of.mapped && of.mapped->texts == column_texts::ef_core && of.mapped->id_type->format == "uuid";
  return in_upper_case && !dialect_.upper_case.empty() ? std::string(dialect_.upper_case) + "(" + hole(number) + ")" : hole(number);
}

std::string document_table::quoted(const std::string& column) const {
  return of.mapped ? quoted_as_it_is(column) : dialect_.quoted(column);
}

const std::string& document_table::text_of(write_kind kind) const noexcept {
  switch (kind) {
    case write_kind::insert:
      return insert;
    case write_kind::update:
      return update;
    case write_kind::upsert:
      return upsert;
    case write_kind::remove:
      break;
  }
  return remove;
}

void document_table::check_columns(const document& content) const {
  const auto wanted = of.columns.size() + (of.mapped ? of.mapped->others.size() : 0);
  if (content.columns.size() == wanted) return;
  throw internal_error("columns_missing", "a write to {collection} has {count} column values, {declared} are declared", of.name,
                       content.columns.size(), wanted);
}

void document_table::throw_not_as_expected(const document_write& change) const {
  if (!of.versioned)
    throw concurrency_conflict("concurrency_conflict", "{collection} {id} was removed meanwhile", of.name, change.content.id);
  throw concurrency_conflict("concurrency_conflict", "{collection} {id} was changed meanwhile: version {version} was expected", of.name,
                             change.content.id, change.expected_version);
}

const indexed_column& document_table::declared(const std::string& name) const {
  const auto found = std::ranges::find(of.columns, name, &indexed_column::name);
  if (found == of.columns.end())
    throw internal_error("column_unknown", "collection {name} has no column {column}: declare it as an index", of.name, name);
  return *found;
}

std::string document_table::conditions(std::span<const column_condition> where, std::vector<sql_value>& values) const {
  std::vector<std::string> all;
  for (const auto& condition : where) {
    const auto name = condition.column == "id" ? id_ : quoted(declared(condition.column).name);
    if (std::holds_alternative<std::monostate>(condition.value) && dialect_.null_safe.empty()) {
      all.push_back(name + " is null");
      continue;
    }
    values.push_back(condition.value);
    const auto asked = condition.column == "id" ? id_hole(values.size()) : hole(values.size());
    all.push_back(name + (dialect_.null_safe.empty() ? " = " : std::string(dialect_.null_safe)) + asked);
  }
  return joined(all, " and ");
}

std::string document_table::sort_key(const std::string& order_by, const std::string& expression) const {
  return dialect_.sorted_as == nullptr ? expression : dialect_.sorted_as(declared(order_by), expression);
}

std::string document_table::order(const document_query& query) const {
  const std::string direction = query.ascending ? " asc" : " desc";
  if (query.order_by == "id") return " order by " + id_ + direction;
  // Without a value first.
  const std::string nulls = query.ascending ? " nulls first" : " nulls last";
  return " order by " + sort_key(query.order_by, quoted(query.order_by)) + direction + nulls + ", " + id_ + direction;
}

/// What comes after a place, as ranges of an index: rows without a value are a range of their own, which a comparison leaves out.
std::vector<std::string> document_table::ranges_behind(const document_query& query, std::vector<sql_value>& values) const {
  if (!query.after) return {""};
  const std::string beyond = query.ascending ? " > " : " < ";
  values.emplace_back(query.after->id);
  const auto id = id_hole(values.size());
  if (query.order_by == "id") return {id_ + beyond + id};
  const auto column = quoted(query.order_by);
  if (std::holds_alternative<std::monostate>(query.after->key)) {
    const auto rest = column + " is null and " + id_ + beyond + id;
    return query.ascending ? std::vector{rest, column + " is not null"} : std::vector{rest};
  }
  values.push_back(query.after->key);
  const auto rest = "(" + sort_key(query.order_by, column) + ", " + id_ + ")" + beyond + "(" +
                    sort_key(query.order_by, hole(values.size())) + ", " + id + ")";
  return query.ascending ? std::vector{rest} : std::vector{rest, column + " is null"};
}

bound_sql document_table::find(const document_query& query) const {
  if (query.order_by != "id") declared(query.order_by);
  bound_sql made;
  const auto asked = conditions(query.where, made.values);
  const auto ranges = ranges_behind(query, made.values);
  const auto number = [&](std::int64_t value) {
    made.values.emplace_back(std::max<std::int64_t>(value, 0));
    return hole(made.values.size()) + std::string(dialect_.integer_cast);
  };
  const auto limit = number(query.limit), offset = number(query.offset);
  std::vector<std::string> parts;
  for (const auto& range : ranges) {
    std::vector<std::string> both;
    for (const auto& each : {asked, range}) {
      if (!each.empty()) both.push_back(each);
    }
    parts.push_back(select_ + where_clause(both) + order(query));
  }
  if (parts.size() == 1) {
    made.text = parts[0] + " limit " + limit + " offset " + offset;
    return made;
  }
  // Each range by its own index scan, no longer than the page.
  for (auto& each : parts) each = "select * from (" + each + " limit " + limit + " + " + offset + ") as part";
  made.text = "select * from (" + joined(parts, " union all ") + ") as parts" + order(query) + " limit " + limit + " offset " + offset;
  return made;
}

bound_sql document_table::count(std::span<const column_condition> where) const {
  bound_sql made;
  const auto asked = conditions(where, made.values);
  made.text = count_ + (asked.empty() ? "" : " where " + asked);
  return made;
}

std::string quoted_as_it_is(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos)
    throw internal_error("name_unusable", "\"{name}\" cannot name a table or column", name.substr(0, name.find('\0')));
  std::string text = "\"";
  for (const char each : name) {
    if (each == '"') text += '"';
    text += each;
  }
  return text += '"';
}

std::string quoted_table(const table_mapping& of) {
  return of.schema.empty() ? quoted_as_it_is(of.table) : quoted_as_it_is(of.schema) + "." + quoted_as_it_is(of.table);
}

void document_tables::add(std::span<const collection* const> collections) {
  const std::unique_lock lock(mutex_);
  for (const auto* each : collections) tables_.try_emplace(each->name, std::make_unique<const document_table>(*each, dialect_));
}

const document_table& document_tables::at(const collection& wanted) const {
  const std::shared_lock lock(mutex_);
  const auto found = tables_.find(wanted.name);
  if (found == tables_.end())
    throw internal_error("collection_unknown", "the store was not prepared for the collection {name}", wanted.name);
  return *found->second;  // never erased
}

}  // namespace mamey::inline v1
