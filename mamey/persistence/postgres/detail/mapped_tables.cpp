#include <mamey/persistence/postgres/detail/mapped_tables.hpp>

#include <algorithm>
#include <initializer_list>

#include <mamey/persistence/document_table.hpp>
#include <mamey/persistence/mapping_check.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// `type`: a name of pg_type, or `enum` for one that was created.
bool fits(column_content content, std::string_view type) {
  const auto is = [&](std::initializer_list<std::string_view> any) { return std::ranges::find(any, type) != any.end(); };
  switch (content) {
    case column_content::boolean:
      return is({"bool"});
    case column_content::integer:
      return is({"int8", "int4", "int2"});
    case column_content::real:
      return is({"float8", "float4", "numeric"});
    case column_content::decimal:
      return is({"numeric"});
    case column_content::uuid:
      return is({"uuid", "text", "varchar", "bpchar"});
    case column_content::time:
      return is({"timestamptz", "timestamp"});
    case column_content::date:
      return is({"date"});
    case column_content::text:
      return is({"text", "varchar", "bpchar", "citext", "enum"});
    case column_content::bytes:
      return is({"bytea"});
    case column_content::json:
      return is({"jsonb", "json", "text", "varchar"});
  }
  return false;
}

std::string_view expected(column_content content) {
  switch (content) {
    case column_content::boolean:
      return "boolean";
    case column_content::integer:
      return "bigint, integer or smallint";
    case column_content::real:
      return "double precision, real or numeric";
    case column_content::decimal:
      return "numeric";
    case column_content::uuid:
      return "uuid";
    case column_content::time:
      return "timestamp with time zone";
    case column_content::date:
      return "date";
    case column_content::text:
      return "text or varchar";
    case column_content::bytes:
      return "bytea";
    case column_content::json:
      return "jsonb, json or text";
  }
  return {};
}

found_table describe(connection& on, const table_mapping& mapping) {
  found_table found;
  const auto table = quoted_table(mapping);
  const auto kind = run_statement(on, "select relkind in ('v', 'm') from pg_class where oid = to_regclass($1)", parameters().add(table));
  if (kind.count() == 0) return found;
  found.exists = true;
  found.is_view = kind.boolean(0, 0);
  // A domain is what it is made of.
  const auto columns = run_statement(
      on,
      "select a.attname, case coalesce(b.typtype, t.typtype) when 'e' then 'enum' else coalesce(b.typname, t.typname) end, "
      "format_type(a.atttypid, a.atttypmod), exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisunique and "
      "i.indisvalid and i.indpred is null and i.indexprs is null and i.indnkeyatts = 1 and i.indkey[0] = a.attnum), "
      "a.attnotnull and not a.atthasdef and a.attidentity = '' from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_type "
      "b "
      "on t.typtype = 'd' and b.oid = t.typbasetype where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped",
      parameters().add(table));
  for (int row = 0; row < columns.count(); ++row) {
    found.columns.push_back({.name = columns.text(row, 0),
                             .type = columns.text(row, 1),
                             .shown = columns.text(row, 2),
                             .identifies = columns.boolean(row, 3),
                             .needed = columns.boolean(row, 4)});
  }
  return found;
}

}  // namespace

void check_mapped_tables(connection& on, std::span<const collection* const> collections) {
  for (const auto* each : collections) {
    if (each->mapped) check_mapping(*each, describe(on, *each->mapped), {.fits = &fits, .expected = &expected});
  }
}

}  // namespace mamey::inline v1::postgres_detail
