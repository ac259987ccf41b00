#include <mamey/persistence/sqlite/detail/errors.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <system_error>

#include <mamey/core/error.hpp>
#include <mamey/persistence/document_table.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

/// SQLite's sentence, and the operating system's where it has one.
std::string cause_of(sqlite3* database, int code) {
  std::string cause = database ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const auto system = database ? sqlite3_system_errno(database) : 0;
  const auto primary = code & 0xFF;
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL)) {
    cause += " (" + std::generic_category().message(system) + ")";
  }
  return cause;
}

/// Out of `UNIQUE constraint failed: people.street, people.city`: the first column's.
std::string table_in(std::string_view cause) {
  const auto begin = std::min(cause.size(), cause.find(": ") + 2);
  const auto name = cause.substr(begin, cause.find(", ", begin) - begin);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(name.substr(0, dot));
}

/// The same text's columns.
std::vector<std::string> columns_in(std::string_view cause) {
  std::vector<std::string> columns;
  const auto list = cause.find(": ");
  if (list == std::string_view::npos) return columns;
  cause.remove_prefix(list + 2);
  while (!cause.empty()) {
    const auto end = cause.find(", ");
    const auto one = cause.substr(0, end);
    const auto dot = one.rfind('.');
    if (dot == std::string_view::npos) return {};  // `index 'name'`: an expression
    columns.emplace_back(one.substr(dot + 1));
    cause.remove_prefix(end == std::string_view::npos ? cause.size() : end + 2);
  }
  return columns;
}

[[noreturn]] void throw_constraint(int code, const std::string& cause) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      throw taken_values(table_in(cause), columns_in(cause));
    default:
      throw conflict("constraint_violated", "{cause}", cause);
  }
}

}  // namespace

taken_values::taken_values(const std::string& table, std::vector<std::string> columns)
    : concurrency_conflict("already_exists", "{table}{columns} already taken", table.empty() ? table : table + ": ",
                           names_of_taken(columns)),
      columns_(std::move(columns)) {}

void throw_error(sqlite3* database, int code, const std::string& file, std::string_view sql) {
  const auto cause = cause_of(database, code);
  switch (code & 0xFF) {
    case SQLITE_CONSTRAINT:
      throw_constraint(code, cause);
    case SQLITE_FULL:
      throw unavailable("disk_full", "{file}: no room left on the disk: {cause}", file, cause);
    case SQLITE_IOERR:
      throw unavailable("disk_error", "{file}: the disk failed: {cause}", file, cause);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw unavailable(
          "database_corrupt",
          "{file} is not an intact SQLite database: {cause}. Restore it from a backup, or move it away to begin with an empty one", file,
          cause);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw unavailable("database_busy", "{file} is locked by another process: {cause}", file, cause);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw unavailable("database_read_only", "{file} or its folder is read-only: {cause}", file, cause);
    case SQLITE_CANTOPEN:
      throw unavailable("database_not_opened", "{file}: {cause}", file, cause);
    case SQLITE_PROTOCOL:
      throw unavailable("database_busy", "{file}: {cause}", file, cause);
    case SQLITE_NOMEM:
      throw unavailable("out_of_memory", "{file}: {cause}", file, cause);
    case SQLITE_INTERRUPT:
      throw deadline_exceeded("deadline_exceeded", "the deadline passed within a statement");
    case SQLITE_TOOBIG:
      throw conflict("value_too_big", "{cause}", cause);
    case SQLITE_RANGE:
      throw internal_error("sql_error", "more values than parameters in \"{sql}\"", sql);
    default:
      throw internal_error("sql_error", "{cause} in \"{sql}\"", cause, sql);
  }
}

void throw_open_error(sqlite3* database, int code, const std::string& file) {
  throw unavailable("database_not_opened", "cannot open {file}: {cause}", file, cause_of(database, code));
}

}  // namespace mamey::inline v1::sqlite_detail
