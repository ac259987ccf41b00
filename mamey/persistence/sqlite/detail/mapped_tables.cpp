#include <mamey/persistence/sqlite/detail/mapped_tables.hpp>

#include <algorithm>
#include <string>

#include <mamey/core/ascii.hpp>
#include <mamey/persistence/mapping_check.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

/// SQLite, "Determination of Column Affinity": what a declared type makes of the values that are put in.
std::string affinity_of(std::string declared) {
  std::ranges::transform(declared, declared.begin(), &ascii_upper);
  const auto has = [&](std::string_view part) { return declared.find(part) != std::string::npos; };
  if (has("INT")) return "INTEGER";
  if (has("CHAR") || has("CLOB") || has("TEXT")) return "TEXT";
  if (declared.empty() || has("BLOB")) return "BLOB";
  if (has("REAL") || has("FLOA") || has("DOUB")) return "REAL";
  return "NUMERIC";
}

/// A column must give back what was put in: one of numbers would make 20.5 of the decimal 20.50, and 7 of the text 007.
bool fits(column_content content, std::string_view affinity) {
  switch (content) {
    case column_content::boolean:
    case column_content::integer:
      return affinity == "INTEGER" || affinity == "NUMERIC";
    case column_content::real:
      return affinity == "REAL" || affinity == "NUMERIC";
    case column_content::bytes:
      return affinity == "BLOB";
    case column_content::time:
    case column_content::date:
      return affinity == "TEXT" || affinity == "NUMERIC";  // DATETIME; a time is no number and stays a text
    default:
      return affinity == "TEXT";
  }
}

std::string_view expected(column_content content) {
  switch (content) {
    case column_content::boolean:
    case column_content::integer:
      return "INTEGER";
    case column_content::real:
      return "REAL";
    case column_content::bytes:
      return "BLOB";
    case column_content::time:
    case column_content::date:
      return "TEXT or DATETIME";
    case column_content::decimal:
      return "TEXT (a decimal as a number would lose digits)";
    default:
      return "TEXT";
  }
}

std::string schema_of(const table_mapping& mapping) { return mapping.schema.empty() ? "main" : mapping.schema; }

/// Columns that a unique index is on, alone and for all rows.
std::vector<std::string> unique_columns(connection& on, const table_mapping& mapping) {
  std::vector<std::string> names;
  auto rows = on.use(
      "select max(c.name) from pragma_index_list(?1, ?2) i, pragma_index_info(i.name, ?2) c where i.\"unique\" = 1 and i.partial = 0 group "
      "by "
      "i.name having count(*) = 1");
  const auto schema = schema_of(mapping);
  rows.bind(mapping.table).bind(schema);
  while (rows.step()) names.push_back(rows.text(0));
  return names;
}

found_table describe(connection& on, const table_mapping& mapping) {
  found_table found;
  const auto schema = schema_of(mapping);
  {
    auto kind = on.use("select type = 'view' from pragma_table_list(?1) where schema = ?2");
    kind.bind(mapping.table).bind(schema);
    if (!kind.step()) return found;
    found.exists = true;
    found.is_view = kind.integer(0) != 0;
  }
  const auto unique = unique_columns(on, mapping);
  auto rows = on.use(
      "select name, type, pk > 0, \"notnull\" = 1 and dflt_value is null and pk = 0, (select count(*) from pragma_table_info(?1, ?2) where "
      "pk > 0) "
      "from pragma_table_xinfo(?1, ?2) where hidden <> 1");
  rows.bind(mapping.table).bind(schema);
  while (rows.step()) {
    const auto name = rows.text(0), declared = rows.text(1);
    found.columns.push_back(
        {.name = name,
         .type = affinity_of(declared),
         .shown = declared.empty() ? "of no declared type" : declared,
         .identifies = (rows.integer(2) != 0 && rows.integer(4) == 1) || std::ranges::find(unique, name) != unique.end(),
         .needed = rows.integer(3) != 0});
  }
  return found;
}

}  // namespace

void check_mapped_tables(connection& on, std::span<const collection* const> collections) {
  for (const auto* each : collections) {
    if (each->mapped) check_mapping(*each, describe(on, *each->mapped), {.fits = &fits, .expected = &expected});
  }
}

}  // namespace mamey::inline v1::sqlite_detail
