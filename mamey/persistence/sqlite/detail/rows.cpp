#include <mamey/persistence/sqlite/detail/rows.hpp>

#include <algorithm>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/core/text.hpp>
#include <mamey/persistence/document_table.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

std::size_t size_of(const sql_value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return sizeof(sql_value) + text->size();
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) return sizeof(sql_value) + bytes->size();
  return sizeof(sql_value);
}

/// SQLite takes one that asks for one that may write.
bool is_pragma(std::string_view sql) {
  constexpr std::string_view word = "pragma";
  const auto begin = std::min(sql.find_first_not_of(" \t\r\n"), sql.size());
  return equal_ignoring_case(sql.substr(begin, word.size()), word);
}

}  // namespace

fetched_rows fetch_rows(connection& on, const sql_statement& statement, std::size_t most_bytes, allowed what) {
  auto rows = on.use(statement.text);
  if (what == allowed::reading && !rows.only_reads() && !is_pragma(statement.text)) throw_query_writes(statement.text);
  if (static_cast<std::size_t>(rows.parameters()) != statement.parameters.size()) {
    throw internal_error("sql_error", "{given} values for {wanted} parameters in \"{sql}\"", statement.parameters.size(), rows.parameters(),
                         statement.text);
  }
  for (const auto& value : statement.parameters) rows.bind(value);
  fetched_rows fetched;
  for (int column = 0; column < rows.columns(); ++column) fetched.names.push_back(rows.name(column));
  std::size_t bytes = 0;
  while (rows.step()) {
    auto& row = fetched.rows.emplace_back();
    row.reserve(fetched.names.size());
    for (int column = 0; column < rows.columns(); ++column) bytes += size_of(row.emplace_back(rows.value(column)));
    if (bytes > most_bytes)
      throw internal_error("result_too_large", "a query returned more than {bytes} bytes: \"{sql}\"", most_bytes, statement.text);
  }
  return fetched;
}

void hand_out(fetched_rows&& fetched, const std::function<void(const sql_row&)>& each) {
  const auto names = std::make_shared<const std::vector<std::string>>(std::move(fetched.names));
  sql_row row{.names = *names, .values = {}, .names_owner = names};
  for (auto& values : fetched.rows) {
    row.values = std::move(values);
    each(row);
  }
}

}  // namespace mamey::inline v1::sqlite_detail
