#include <mamey/persistence/collection_tables.hpp>

#include <algorithm>
#include <array>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/domain/collection.hpp>
#include <mamey/domain/column_times.hpp>

namespace mamey::inline v1 {
namespace {

constexpr std::size_t batch = 500;

/// Some databases cut long names silently, perhaps two to the same one: too long a name is refused.
std::string index_name(const table_statements& on, const collection& of, const std::string& column) {
  return quoted_name(of.name + "_" + column + "_ix", on.names());
}

void check_names(const table_statements& on, const collection& of) {
  static constexpr std::array<std::string_view, 4> ours{"id", "version", "position", "body"};
  quoted_name(of.name, on.names());
  if (of.name.starts_with("mamey_") || of.name.starts_with(on.names().reserved))
    throw internal_error("name_reserved", "a collection cannot be called {name}", of.name);
  for (const auto& column : of.columns) {
    index_name(on, of, column.name);
    if (std::ranges::find(ours, column.name) != ours.end())
      throw internal_error("name_reserved", "{collection}: a column cannot be called {column}", of.name, column.name);
  }
}

/// SQL: rows in which an earlier release left something else in the column than this one would: nothing, where a body lacks a member that
/// always has a value; texts that do not sort as the values do.
std::string stale_rows(const table_statements& on, const indexed_column& column) {
  if (!column.member) return {};
  const auto name = quoted_name(column.name, on.names());
  const auto unsortable = on.unsortable(held_type(column.member->type()), name);
  if (column.member->type().kind == shape::optional) return unsortable;
  return name + " is null" + (unsortable.empty() ? "" : " or " + unsortable);
}

/// Puts into `columns` what reading the bodies gives, for a member that a body lacks its initialiser: batch by batch. A row that cannot be
/// read is left.
void fill_columns(table_statements& on, const collection& of, const std::vector<const indexed_column*>& columns, const std::string& rows) {
  std::string behind;
  for (std::size_t count = batch; count == batch;) {
    auto found = on.bodies(of, rows, behind, batch);
    count = found.size();
    std::vector<filled_row> filled;
    for (auto& each : found) {
      behind = each.id;
      const auto values = columns_of_body(of, each.id, std::move(each.body));
      if (!values) continue;
      auto& row = filled.emplace_back(filled_row{.id = std::move(each.id), .values = {}});
      for (const auto* column : columns) row.values.push_back((*values)[static_cast<std::size_t>(column - of.columns.data())]);
    }
    if (!filled.empty()) on.fill(of, columns, filled);
  }
}

}  // namespace

std::string quoted_name(const std::string& name, const name_rules& rules) {
  const auto fits = [&](char c) { return is_ascii_alphanumeric(c) || c == '_' || (c == '-' && rules.hyphens); };
  if (name.empty() || name.size() > rules.longest || is_ascii_digit(name.front()) || !std::ranges::all_of(name, fits)) {
    throw internal_error("name_unusable",
                         "\"{name}\" cannot name a table or column: letters, digits{further}, at most {longest}, a letter first", name,
                         rules.hyphens ? ", _ and -" : " and _", rules.longest);
  }
  return '"' + name + '"';
}

void prepare_table(table_statements& on, const collection& of) {
  check_names(on, of);
  on.create_table(of);
  const auto known = on.known_columns(of);
  const auto find = [&](const indexed_column& column) { return std::ranges::find(known, column.name, &known_column::name); };
  std::vector<const indexed_column*> fresh, rewritten;
  for (const auto& column : of.columns) {
    if (find(column) == known.end()) {
      on.add_column(of, column);
      fresh.push_back(&column);
    } else if (const auto stale = stale_rows(on, column); of.make && !stale.empty() && on.has_any(of, stale)) {
      // Two texts that were different under the earlier index may be one now.
      on.forget_column(of, column.name, index_name(on, of, column.name));
      fill_columns(on, of, {&column}, stale);
      rewritten.push_back(&column);
    }
  }
  if (of.make && !fresh.empty()) fill_columns(on, of, fresh, "true");
  for (const auto& column : of.columns) {
    const auto before = find(column);
    const bool is_without_index = std::ranges::find(rewritten, &column) != rewritten.end();
    if (before == known.end() || before->unique != column.unique || is_without_index)
      on.add_index(of, column, index_name(on, of, column.name));
  }
  for (const auto& before : known) {
    if (std::ranges::find(of.columns, before.name, &indexed_column::name) == of.columns.end())
      on.forget_column(of, before.name, index_name(on, of, before.name));
  }
}

}  // namespace mamey::inline v1
