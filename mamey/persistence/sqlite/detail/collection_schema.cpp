#include <mamey/persistence/sqlite/detail/collection_schema.hpp>

#include <mamey/domain/column_decimals.hpp>
#include <mamey/domain/column_times.hpp>
#include <mamey/persistence/collection_tables.hpp>
#include <mamey/persistence/document_table.hpp>
#include <mamey/persistence/sqlite/detail/errors.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr name_rules sqlite_names{.longest = 127, .reserved = "sqlite_"};

class sqlite_tables final : public table_statements {
 public:
  explicit sqlite_tables(connection& on) : on_(on) {}

  const name_rules& names() const override { return sqlite_names; }

  void create_table(const collection& of) override {
    on_.execute("create table if not exists " + quoted(of.name) +
                " (id text primary key not null, version integer not null, position integer not null, body text not null)");
  }

  std::vector<known_column> known_columns(const collection& of) override {
    auto rows = on_.use("select name, is_unique from mamey_columns where collection = ?");
    rows.bind(of.name);
    std::vector<known_column> found;
    while (rows.step()) found.push_back({rows.text(0), rows.integer(1) != 0});
    return found;
  }

  void add_column(const collection& to, const indexed_column& column) override {
    if (!has_column(to, column.name)) on_.execute("alter table " + quoted(to.name) + " add column " + quoted(column.name));
  }

  void add_index(const collection& to, const indexed_column& column, const std::string& index) override {
    on_.execute("drop index if exists " + index);
    try {
      on_.execute(std::string("create ") + (column.unique ? "unique " : "") + "index " + index + " on " + quoted(to.name) + " (" +
                  quoted(column.name) + ")");
    } catch (const taken_values&) {
      throw_not_unique(to, column);
    }
    on_.use("insert or replace into mamey_columns (collection, name, is_unique) values (?, ?, ?)")
        .bind(to.name)
        .bind(column.name)
        .bind(column.unique ? 1 : 0)
        .run();
  }

  void forget_column(const collection& of, const std::string& column, const std::string& index) override {
    on_.execute("drop index if exists " + index);
    on_.use("delete from mamey_columns where collection = ? and name = ?").bind(of.name).bind(column).run();
  }

  std::string unsortable(const type_model& type, const std::string& column) const override {
    return is_decimal(type) ? plain_decimals(column) : narrow_texts(type, column);
  }

  bool has_any(const collection& of, const std::string& rows) override {
    return on_.use("select 1 from " + quoted(of.name) + " where " + rows + " limit 1").step();
  }

  std::vector<stored_body> bodies(const collection& of, const std::string& rows, const std::string& behind, std::size_t most) override {
    auto row =
        on_.use("select id, body from " + quoted(of.name) + " where id > ? and (" + rows + ") order by id limit " + std::to_string(most));
    row.bind(behind);
    std::vector<stored_body> found;
    while (row.step()) found.push_back({row.text(0), row.text(1)});
    return found;
  }

  void fill(const collection& of, const std::vector<const indexed_column*>& columns, const std::vector<filled_row>& with) override {
    std::string sets;
    for (const auto* each : columns) sets += (sets.empty() ? "" : ", ") + quoted(each->name) + " = ?";
    const auto change = "update " + quoted(of.name) + " set " + sets + " where id = ?";
    for (const auto& each : with) {
      auto values = each.values;  // until the statement has run
      for (std::size_t i = 0; i < values.size(); ++i) {
        auto* const text = std::get_if<std::string>(&values[i]);
        if (text && columns[i]->member && is_decimal(columns[i]->member->type())) *text = sortable_decimal(*text);
      }
      auto row = on_.use(change);
      for (const auto& value : values) row.bind(value);
      row.bind(each.id).run();
    }
  }

 private:
  bool has_column(const collection& of, const std::string& column) {
    auto row = on_.use("select 1 from pragma_table_info(?) where name = ?");
    row.bind(of.name).bind(column);
    return row.step();
  }

  connection& on_;
};

}  // namespace

std::string quoted(const std::string& name) { return quoted_name(name, sqlite_names); }

void prepare_tables(connection& on, std::span<const collection* const> collections) {
  sqlite_tables tables(on);
  begin_transaction(on);
  try {
    for (const auto* each : collections) {
      if (!each->mapped) prepare_table(tables, *each);
    }
    commit_transaction(on);
  } catch (...) {
    roll_back_if_open(on);
    throw;
  }
}

}  // namespace mamey::inline v1::sqlite_detail
