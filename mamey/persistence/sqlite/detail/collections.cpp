#include <mamey/persistence/sqlite/detail/collections.hpp>

#include <mamey/core/error.hpp>
#include <mamey/domain/column_decimals.hpp>
#include <mamey/domain/table_mapping.hpp>
#include <mamey/persistence/sqlite/detail/collection_schema.hpp>
#include <mamey/persistence/sqlite/detail/errors.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

bool holds_decimals(const indexed_column& column) { return column.member && is_decimal(column.member->type()); }

document read_document(const statement& row, const collection& in) {
  document read{.id = row.text(0), .version = row.integer(1), .position = row.integer(2), .body = row.text(3), .columns = {}};
  read.columns.reserve(static_cast<std::size_t>(row.columns() - 4));
  for (int column = 4; column < row.columns(); ++column) {
    auto& value = read.columns.emplace_back(row.value(column));
    if (in.mapped || !holds_decimals(in.columns[read.columns.size() - 1])) continue;
    if (auto* const text = std::get_if<std::string>(&value)) *text = shown_decimal(*text);
  }
  return read;
}

/// A decimal of a mapped table is the text that its owner keeps.
std::string sorted_as(const indexed_column& column, const std::string& expression) {
  return holds_decimals(column) ? expression + " collate mamey_decimal" : expression;
}
/// A text, whatever collation its owner has declared.
std::string compared_as(const indexed_column& column, bool /*by_order*/, const std::string& expression) {
  return expression + (holds_decimals(column) ? " collate mamey_decimal" : " collate binary");
}

std::string body_with(std::span<const std::pair<std::string, std::string>> members) {
  std::string text = "json_set(body";
  for (const auto& [name, json] : members) {
    if (name.find('"') != std::string::npos)
      throw internal_error("name_unusable", "update_where cannot set the member {}, whose name has a quotation mark", name);
    text += ", ";
    text += quoted_text("$.\"" + name + "\"") + ", json(" + json + ")";
  }
  return text + ")";
}

/// EF Core writes one place at least, and no zeros behind it.
std::string as_ef_core(std::string text) {
  text = shown_decimal(sortable_decimal(text));
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

sql_value stored_as(const collection& in, const indexed_column& column, sql_value value) {
  auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr || !holds_decimals(column)) return value;
  if (!in.mapped) return sortable_decimal(*text);
  if (in.mapped->texts == column_texts::ef_core) return as_ef_core(std::move(*text));
  return value;
}

/// `values` outlives the statement.
void bind_all(statement& into, const std::vector<sql_value>& values) {
  for (const auto& value : values) into.bind(value);
}

}  // namespace

sql_dialect dialect(bool cuts_times) {
  return {.parameter = '?',
          .upper_case = "upper",
          .sorting = "+",
          .null_safe = " is ",
          .quoted = &quoted,
          .cuts_times = cuts_times,
          .sorted_as = &sorted_as,
          .compared_as = &compared_as,
          .body_with = &body_with,
          .stored_as = &stored_as};  // `is` uses the index
}

std::optional<document> load_document(connection& on, const document_table& from, std::string_view id) {
  auto row = on.use(from.load);
  row.bind(id);
  if (!row.step()) return std::nullopt;
  return read_document(row, from.of);
}

std::vector<document> find_documents(connection& on, const document_table& in, const document_query& query) {
  const auto sql = in.find(query);
  auto rows = on.use(sql.text);
  bind_all(rows, sql.values);
  std::vector<document> found;
  while (rows.step()) found.push_back(read_document(rows, in.of));
  return found;
}

std::int64_t count_documents(connection& on, const document_table& in, std::span<const column_condition> where) {
  const auto sql = in.count(where);
  auto row = on.use(sql.text);
  bind_all(row, sql.values);
  row.step();
  return row.integer(0);
}

void write_document(connection& on, const document_table& into, const document_write& change) {
  std::vector<sql_value> kept;  // until it has run
  const auto bulk = is_bulk(change.kind) ? into.bulk(change) : bound_sql();
  auto row = on.use(is_bulk(change.kind) ? bulk.text : into.text_of(change.kind));
  if (is_bulk(change.kind))
    bind_all(row, bulk.values);
  else
    into.give_values(change, into.stored_columns(change.content, kept), [&](const auto& value) { row.bind(value); });
  std::int64_t changed = 0;
  try {
    changed = row.run();
  } catch (const taken_values& taken) {
    into.throw_taken(taken.columns());
  }
  if (changed != 1 && into.expects_a_row(change.kind)) into.throw_not_as_expected(change);
}

}  // namespace mamey::inline v1::sqlite_detail
