#include <mamey/persistence/sqlite/detail/migrations.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <mamey/core/error.hpp>
#include <mamey/messaging/slot.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr const char* history_table =
    "create table if not exists mamey_schema (component text not null, version integer not null, name text not null, checksum integer not "
    "null, "
    "applied_at_ms integer not null, primary key (component, version)) without rowid";

template <class... Arguments>
[[noreturn]] void refuse(std::string_view pattern, const Arguments&... arguments) {
  throw unavailable("migration_refused", pattern, arguments...);
}

std::map<std::int64_t, std::int64_t> applied_checksums(connection& on, std::string_view component) {
  auto rows = on.use("select version, checksum from mamey_schema where component = ?");
  rows.bind(component);
  std::map<std::int64_t, std::int64_t> found;
  while (rows.step()) found[rows.integer(0)] = rows.integer(1);
  return found;
}

void apply_step(connection& on, std::string_view component, const sql_migration& step, const store_clock& clock) {
  try {
    on.execute(step.sql);
    if (on.autocommit())
      throw internal_error("sql_error", "a migration must not contain BEGIN, COMMIT or ROLLBACK: it runs in a transaction already");
    on.use("insert into mamey_schema (component, version, name, checksum, applied_at_ms) values (?, ?, ?, ?, ?)")
        .bind(component)
        .bind(step.version)
        .bind(step.name)
        .bind(static_cast<std::int64_t>(crc32c(step.sql)))
        .bind(clock.now_ms())
        .run();
    commit_transaction(on);
  } catch (const error& failure) {
    roll_back_if_open(on);
    refuse("{file}: migration {component} {version} {name} failed and was rolled back: {cause}", on.file(), component, step.version,
           step.name, failure.reason());
  }
}

/// The look and the work are one transaction: of two processes that start together, one does it.
void apply_if_missing(connection& on, std::string_view component, const sql_migration& step, const store_clock& clock) {
  begin_transaction(on);
  const auto applied = applied_checksums(on, component);
  const auto found = applied.find(step.version);
  if (found == applied.end() && (applied.empty() || applied.rbegin()->first < step.version)) {
    return apply_step(on, component, step, clock);
  }
  roll_back_if_open(on);
  if (found == applied.end()) {
    refuse("{file}: migration {component} {version} {name} is new, but {newest} was applied already; give it a higher number", on.file(),
           component, step.version, step.name, applied.rbegin()->first);
  }
  if (found->second != static_cast<std::int64_t>(crc32c(step.sql))) {
    refuse("{file}: migration {component} {version} {name} has changed since it was applied; restore it and put the change into a new one",
           on.file(), component, step.version, step.name);
  }
}

sql_migration read_file(const std::filesystem::path& path) {
  const auto name = path.stem().string();
  sql_migration read;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), read.version);
  if (failed != std::errc() || end == name.data() + name.size() || *end != '_')
    refuse("{path}: a migration is named 0001_what_it_does.sql", path.string());
  read.name = end + 1;
  std::ifstream file(path, std::ios::binary);
  read.sql.assign(std::istreambuf_iterator<char>(file), {});
  if (!file) refuse("{path} cannot be read", path.string());
  return read;
}

}  // namespace

void migrate(connection& on, std::string_view component, std::span<const sql_migration> steps, const store_clock& clock) {
  on.execute(history_table);
  for (const auto& step : steps) apply_if_missing(on, component, step, clock);
}

std::vector<sql_migration> collect_migrations(const sqlite_options& options, const sqlite_environment& environment) {
  auto all = environment.migrations;
  if (!options.migrations.empty()) {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(options.migrations, failed)) {
      if (entry.path().extension() == ".sql") all.push_back(read_file(entry.path()));
    }
    if (failed) refuse("the folder of migrations {folder} cannot be read: {cause}", options.migrations, failed.message());
  }
  std::ranges::sort(all, {}, &sql_migration::version);
  const auto twice = std::ranges::adjacent_find(all, {}, &sql_migration::version);
  if (twice != all.end())
    refuse("migrations {first} and {second} both have number {version}", twice->name, std::next(twice)->name, twice->version);
  return all;
}

}  // namespace mamey::inline v1::sqlite_detail
