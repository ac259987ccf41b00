#include <mamey/persistence/postgres/detail/collection_schema.hpp>

#include <mamey/core/error.hpp>
#include <mamey/domain/column_times.hpp>
#include <mamey/persistence/collection_tables.hpp>
#include <mamey/persistence/document_table.hpp>
#include <mamey/persistence/postgres/detail/migrations.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

/// PostgreSQL cuts longer names, silently and perhaps to the same name twice.
constexpr name_rules postgres_names{.longest = 63, .hyphens = true, .reserved = "pg_"};

/// The SQL type of a member. Text sorts by its bytes, as on every other store and as an index can be used for.
std::string sql_type(const indexed_column& column) {
  if (!column.member) return "text collate \"C\"";
  const auto& value = held_type(column.member->type());
  switch (value.kind) {
    case shape::boolean:
      return "boolean";
    case shape::integer:
    case shape::unsigned_integer:
      return "bigint";
    case shape::real:
      return "double precision";
    case shape::scalar:
      if (value.written_as_number) return "numeric";
      if (value.format == "uuid") return "uuid";
      if (value.format == "date-time") return "timestamptz";
      return "text collate \"C\"";
    default:
      return "text collate \"C\"";
  }
}

class postgres_tables final : public table_statements {
 public:
  explicit postgres_tables(connection& on) : on_(on) {}

  const name_rules& names() const override { return postgres_names; }

  void create_table(const collection& of) override {
    run_statement(on_, "create table if not exists " + quoted(of.name) +
                           " (id text collate \"C\" primary key, version bigint not null, position bigint not null, body jsonb not null)");
  }

  std::vector<known_column> known_columns(const collection& of) override {
    const auto found = run_statement(on_, "select name, is_unique from mamey_columns where collection = $1", parameters().add(of.name));
    std::vector<known_column> known;
    for (int row = 0; row < found.count(); ++row) known.push_back({found.text(row, 0), found.boolean(row, 1)});
    return known;
  }

  void add_column(const collection& to, const indexed_column& column) override {
    run_statement(on_, "alter table " + quoted(to.name) + " add column if not exists " + quoted(column.name) + " " + sql_type(column));
  }

  void add_index(const collection& to, const indexed_column& column, const std::string& index) override {
    run_statement(on_, "drop index if exists " + index);
    try {
      run_statement(on_, std::string("create ") + (column.unique ? "unique " : "") + "index " + index + " on " + quoted(to.name) + " (" +
                             quoted(column.name) + (column.unique ? ")" : " nulls first, id)"));  // as pages are sorted
    } catch (const concurrency_conflict& refused) {
      if (refused.code() != "already_exists") throw;
      throw_not_unique(to, column);
    }
    run_statement(
        on_,
        "insert into mamey_columns (collection, name, is_unique) values ($1, $2, $3) on conflict (collection, name) do update set "
        "is_unique = excluded.is_unique",
        parameters().add(to.name).add(column.name).add(column.unique ? 1 : 0));
  }

  void forget_column(const collection& of, const std::string& column, const std::string& index) override {
    run_statement(on_, "drop index if exists " + index);
    run_statement(on_, "delete from mamey_columns where collection = $1 and name = $2", parameters().add(of.name).add(column));
  }

  /// Times are no texts here.
  std::string unsortable(const type_model& type, const std::string& column) const override {
    return type.format == "duration" ? narrow_texts(type, column) : std::string();
  }

  bool has_any(const collection& of, const std::string& rows) override {
    return run_statement(on_, "select 1 from " + quoted(of.name) + " where " + rows + " limit 1").count() > 0;
  }

  std::vector<stored_body> bodies(const collection& of, const std::string& rows, const std::string& behind, std::size_t most) override {
    const auto found = run_statement(
        on_, "select id, body from " + quoted(of.name) + " where id > $1 and (" + rows + ") order by id limit " + std::to_string(most),
        parameters().add(behind));
    std::vector<stored_body> all;
    for (int row = 0; row < found.count(); ++row) all.push_back({found.text(row, 0), found.text(row, 1)});
    return all;
  }

  void fill(const collection& of, const std::vector<const indexed_column*>& columns, const std::vector<filled_row>& with) override {
    std::string sets;
    for (std::size_t i = 0; i < columns.size(); ++i)
      sets += (i == 0 ? "" : ", ") + quoted(columns[i]->name) + " = $" + std::to_string(i + 2);
    const auto change = "update " + quoted(of.name) + " set " + sets + " where id = $1";
    std::vector<step> changes;
    for (const auto& each : with) {
      auto& one = changes.emplace_back(step{.text = change, .values = {}, .result = {}});
      one.values.add(each.id);
      for (const auto& value : each.values) one.values.add(value);
    }
    const auto work = make_exchange(std::move(changes));
    on_.run(work);
    work->throw_if_failed();
  }

 private:
  connection& on_;
};

}  // namespace

std::string quoted(const std::string& name) { return quoted_name(name, postgres_names); }

void prepare_tables(connection& on, std::span<const collection* const> collections) {
  postgres_tables tables(on);
  open_transaction whole(on);
  lock_schema(on);
  for (const auto* each : collections) {
    if (!each->mapped) prepare_table(tables, *each);
  }
  whole.commit();
}

}  // namespace mamey::inline v1::postgres_detail
