#include <mamey/persistence/sqlite/detail/collections.hpp>

#include <mamey/persistence/sqlite/detail/collection_schema.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

document read_document(const statement& row) {
  document read{.id = row.text(0), .version = row.integer(1), .position = row.integer(2), .body = row.text(3), .columns = {}};
  read.columns.reserve(static_cast<std::size_t>(row.columns() - 4));
  for (int column = 4; column < row.columns(); ++column) read.columns.push_back(row.value(column));
  return read;
}

/// A decimal is kept as text, so that nothing of it is lost, and sorts as the number it is.
std::string sorted_as(const indexed_column& column, const std::string& expression) {
  const bool is_number = column.member && value_type(*column.member).written_as_number;
  return is_number ? "cast(" + expression + " as real)" : expression;
}

/// `values` outlives the statement.
void bind_all(statement& into, const std::vector<sql_value>& values) {
  for (const auto& value : values) into.bind(value);
}

}  // namespace

const sql_dialect& dialect() {
  static const sql_dialect made{.parameter = '?', .upper_case = "upper", .null_safe = " is ", .quoted = &quoted, .sorted_as = &sorted_as};  // `is` uses the index
  return made;
}

std::optional<document> load_document(connection& on, const document_table& from, std::string_view id) {
  auto row = on.use(from.load);
  row.bind(id);
  if (!row.step()) return std::nullopt;
  return read_document(row);
}

std::vector<document> find_documents(connection& on, const document_table& in, const document_query& query) {
  const auto sql = in.find(query);
  auto rows = on.use(sql.text);
  bind_all(rows, sql.values);
  std::vector<document> found;
  while (rows.step()) found.push_back(read_document(rows));
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
  auto row = on.use(into.text_of(change.kind));
  into.give_values(change, [&](const auto& value) { row.bind(value); });
  if (row.run() != 1 && into.expects_a_row(change.kind)) into.throw_not_as_expected(change);
}

}  // namespace mamey::inline v1::sqlite_detail
