#include <mamey/persistence/document_table.hpp>

#include <algorithm>
#include <mutex>

#include <mamey/core/error.hpp>
#include <mamey/domain/column_decimals.hpp>
#include <mamey/domain/column_times.hpp>

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
  const auto differs = [](const indexed_column& column) { return column.member && is_decimal(column.member->type()); };
  stores_otherwise_ =
      dialect.stored_as && (std::ranges::any_of(of.columns, differs) || (of.mapped && std::ranges::any_of(of.mapped->others, differs)));
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
  table_ = table;
  if (counts_versions) version_sum_ = sets.front();
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
    case write_kind::update_where:
    case write_kind::remove_where:
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

void document_table::throw_taken(const std::vector<std::string>& columns) const {
  std::vector<std::string> members;
  for (const auto& column : columns) {
    const bool is_id = column == (of.mapped ? of.mapped->id : "id");
    std::string name = is_id && !(of.mapped && of.mapped->id_member) ? "id" : is_id ? std::string(of.mapped->id_member->wire_name) : column;
    const auto look_in = [&](const std::vector<indexed_column>& all) {
      const auto found = std::ranges::find(all, column, &indexed_column::name);
      if (found != all.end() && found->member) name = found->member->wire_name;
    };
    look_in(of.columns);
    if (of.mapped) look_in(of.mapped->others);
    members.push_back(std::move(name));
  }
  throw concurrency_conflict("already_exists", "{collection}: {members} already taken", of.name, names_of_taken(members));
}

void throw_not_unique(const collection& in, const indexed_column& column) {
  throw internal_error("not_unique",
                       "a unique index on the column {column} of the table {table} cannot be made, because rows with the same value are "
                       "there: find them with \"select {column}, count(*) from {table} group by "
                       "{column} having count(*) > 1\", change or remove them and start again, or declare the member in indexes() in place "
                       "of unique_indexes()",
                       column.name, in.name, column.name, in.name, column.name);
}

void throw_query_writes(std::string_view sql) {
  throw internal_error("query_writes",
                       "database::query only reads, but \"{sql}\" writes: record it with database::execute, or ask for "
                       "mamey::transaction&, whose query may write and return rows",
                       sql);
}

std::string names_of_taken(const std::vector<std::string>& names) {
  if (names.empty()) return "a value that may be there only once is";
  return joined(names, " and ") + (names.size() == 1 ? " is" : " together are");
}

const indexed_column& document_table::declared(const std::string& name) const {
  const auto found = std::ranges::find(of.columns, name, &indexed_column::name);
  if (found == of.columns.end())
    throw internal_error("column_unknown", "collection {name} has no column {column}: declare it as an index", of.name, name);
  return *found;
}

namespace {

bool is_text(const indexed_column& column) { return column.member && held_type(column.member->type()).kind == shape::text; }

bool is_whole_number(const indexed_column& column, const collection& of) {
  return column.member &&
         content_of(column.member->type(), of.mapped ? of.mapped->enums : enum_column::pascal_case) == column_content::integer;
}

std::string_view operator_of(condition_kind how) {
  switch (how) {
    case condition_kind::less:
      return " < ";
    case condition_kind::at_most:
      return " <= ";
    case condition_kind::greater:
      return " > ";
    case condition_kind::at_least:
      return " >= ";
    default:
      return " = ";
  }
}

/// A list is filled up to a power of two with its last value, so that lists of all lengths make few statements to keep prepared.
std::vector<sql_value> padded(std::vector<sql_value> values) {
  std::size_t wanted = 1;
  while (wanted < values.size()) wanted *= 2;
  values.resize(wanted, values.back());
  return values;
}

}  // namespace

std::string document_table::conditions(std::span<const column_condition> where, std::vector<sql_value>& values) const {
  std::vector<std::string> all;
  for (const auto& each : where) all.push_back(condition(each, values));
  return joined(all, " and ");
}

std::string document_table::condition(const column_condition& asked, std::vector<sql_value>& values) const {
  const bool combines = asked.how == condition_kind::every || asked.how == condition_kind::some || asked.how == condition_kind::none;
  if (!combines) return comparison_of(asked, values);
  if (asked.parts.empty()) return asked.how == condition_kind::some ? "false" : "true";
  std::vector<std::string> parts;
  for (const auto& each : asked.parts) parts.push_back(condition(each, values));
  const auto text = "(" + joined(parts, asked.how == condition_kind::every ? " and " : " or ") + ")";
  // What a condition_kind with null leaves unknown is not met.
  return asked.how == condition_kind::none ? "(" + text + " is not true)" : text;
}

std::string document_table::comparison_of(const column_condition& asked, std::vector<sql_value>& values) const {
  const bool by_id = asked.column == "id";
  const auto* const column = by_id ? nullptr : &declared(asked.column);
  const bool by_order = asked.how != condition_kind::equal && asked.how != condition_kind::one_of;
  if (by_id && by_order) throw internal_error("column_unknown", "collection {name}: an id is compared with equal and one_of only", of.name);
  auto name = by_id ? id_ : quoted(column->name);
  const auto add = [&](sql_value value) {
    if (by_id) {
      values.push_back(std::move(value));
      return id_hole(values.size());
    }
    values.push_back(stored(*column, std::move(value)));
    // Beyond the integers of the column, a server would refuse it.
    return hole(values.size()) + (is_whole_number(*column, of) && std::holds_alternative<std::int64_t>(values.back())
                                      ? std::string(dialect_.integer_cast)
                                      : std::string());
  };
  if (!by_id && of.mapped && dialect_.compared_as && (is_text(*column) || is_decimal(column->member->type())))
    name = dialect_.compared_as(*column, by_order, name);
  if (asked.how == condition_kind::one_of) {
    if (asked.values.empty()) return "false";
    std::vector<std::string> holes;
    for (auto& each : padded(asked.values)) holes.push_back(add(std::move(each)));
    return name + " in (" + joined(holes, ", ") + ")";
  }
  if (asked.value.is_null() && (by_order || dialect_.null_safe.empty())) return by_order ? "false" : name + " is null";
  const auto op = asked.how == condition_kind::equal && !dialect_.null_safe.empty() ? dialect_.null_safe : operator_of(asked.how);
  return name + std::string(op) + add(asked.value);
}

std::string document_table::sort_key(const std::string& order_by, const std::string& expression) const {
  return dialect_.sorted_as == nullptr || !of.mapped ? expression : dialect_.sorted_as(declared(order_by), expression);
}

sql_value document_table::stored(const indexed_column& column, sql_value value) const {
  return dialect_.stored_as == nullptr ? value : dialect_.stored_as(of, column, std::move(value));
}

const std::vector<sql_value>& document_table::stored_columns(const document& content, std::vector<sql_value>& kept) const {
  if (!stores_otherwise_) return content.columns;
  kept.reserve(content.columns.size());
  for (const auto* each : {&of.columns, of.mapped ? &of.mapped->others : nullptr}) {
    if (each == nullptr) continue;
    for (const auto& column : *each) {
      if (kept.size() < content.columns.size()) kept.push_back(stored(column, content.columns[kept.size()]));
    }
  }
  return kept;
}

namespace {

/// Whether an index leads to the rows.
bool narrows(const column_condition& condition) {
  switch (condition.how) {
    case condition_kind::every:
      return std::ranges::any_of(condition.parts, &narrows);
    case condition_kind::some:
      return std::ranges::all_of(condition.parts, &narrows);
    case condition_kind::none:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string document_table::order(const document_query& query) const {
  const std::string direction = query.ascending ? " asc" : " desc";
  const bool sorts = !of.mapped && std::ranges::any_of(query.where, &narrows);
  if (query.order_by == "id") return " order by " + std::string(sorts ? dialect_.sorting : "") + id_ + direction;
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
  values.push_back(stored(declared(query.order_by), query.after->key));
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

bound_sql document_table::bulk(const document_write& change) const {
  bound_sql made;
  if (change.kind == write_kind::remove_where) {
    const auto asked = conditions(change.where, made.values);
    made.text = "delete from " + table_ + (asked.empty() ? "" : " where " + asked);
    return made;
  }
  std::vector<std::string> sets;
  if (!version_sum_.empty()) sets.push_back(version_sum_);
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& each : change.assigned) {
    if (!each.column.empty()) {
      const auto in = [&](const std::vector<indexed_column>& all) { return std::ranges::find(all, each.column, &indexed_column::name); };
      const auto own = in(of.columns);
      made.values.push_back(own != of.columns.end() ? stored(*own, each.value)
                            : of.mapped             ? stored(*in(of.mapped->others), each.value)
                                                    : each.value);
      sets.push_back(quoted(each.column) + " = " + hole(made.values.size()));
    }
    if (of.mapped) continue;
    made.values.emplace_back(each.json);
    members.emplace_back(each.member->wire_name, hole(made.values.size()));
  }
  if (!members.empty()) sets.push_back("body = " + dialect_.body_with(members));
  const auto asked = conditions(change.where, made.values);
  made.text = "update " + table_ + " set " + joined(sets, ", ") + (asked.empty() ? "" : " where " + asked);
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

std::string quoted_text(std::string_view text) {
  std::string made = "'";
  for (const char each : text) {
    if (each == '\'') made += '\'';
    made += each;
  }
  return made += '\'';
}

std::string quoted_table(const table_mapping& of) {
  return of.schema.empty() ? quoted_as_it_is(of.table) : quoted_as_it_is(of.schema) + "." + quoted_as_it_is(of.table);
}

void document_tables::add(std::span<const collection* const> collections) {
  const std::unique_lock lock(mutex_);
  for (const auto* each : collections) tables_.try_emplace(each, std::make_unique<const document_table>(*each, dialect_));
}

const document_table& document_tables::at(const collection& wanted) const {
  const std::shared_lock lock(mutex_);
  const auto found = tables_.find(&wanted);
  if (found == tables_.end())
    throw internal_error("collection_unknown", "the store was not prepared for the collection {name}", wanted.name);
  return *found->second;  // never erased
}

}  // namespace mamey::inline v1
