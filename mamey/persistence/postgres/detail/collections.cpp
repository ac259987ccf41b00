#include <mamey/persistence/postgres/detail/collections.hpp>

#include <mamey/domain/column_times.hpp>
#include <mamey/persistence/postgres/detail/collection_schema.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

step of(bound_sql sql) {
  step made{.text = std::move(sql.text), .values = {}, .result = {}};
  for (const auto& value : sql.values) made.values.add(value);
  return made;
}

/// A text of a mapped table is sorted by its own collation, and compared by its bytes as on every store.
std::string compared_as(const indexed_column& column, bool by_order, const std::string& expression) {
  const bool is_text = column.member && held_type(column.member->type()).kind == shape::text;
  return by_order && is_text ? expression + " collate \"C\"" : expression;
}

std::string body_with(std::span<const std::pair<std::string, std::string>> members) {
  std::string text;
  for (const auto& [name, json] : members) text += (text.empty() ? "" : ", ") + quoted_text(name) + ", " + json + "::jsonb";
  return "body || jsonb_build_object(" + text + ")";
}

}  // namespace

const sql_dialect& dialect() {
  static const sql_dialect made{.parameter = '$',
                                .integer_cast = "::bigint",
                                .quoted = &quoted,
                                .cuts_times = true,
                                .compared_as = &compared_as,
                                .body_with = &body_with};
  return made;
}

step load_step(const document_table& from, std::string_view id) {
  return {.text = from.load, .values = parameters().add(id), .result = {}};
}
step find_step(const document_table& in, const document_query& query) { return of(in.find(query)); }
step count_step(const document_table& in, std::span<const column_condition> where) { return of(in.count(where)); }

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

step write_step(const document_table& into, const document_write& change) {
  if (is_bulk(change.kind)) return of(into.bulk(change));
  const auto& text = into.text_of(change.kind);
  step made;
  made.text =
      into.expects_a_row(change.kind) ? "with changed as (" + text + " returning 1) select mamey_expect(count(*), 1) from changed" : text;
  into.give_values(change, change.content.columns, [&](const auto& value) { made.values.add(value); });
  return made;
}

}  // namespace mamey::inline v1::postgres_detail
