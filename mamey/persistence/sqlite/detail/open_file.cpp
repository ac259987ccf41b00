#include <mamey/persistence/sqlite/detail/open_file.hpp>

#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <string_view>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/errors.hpp>

namespace mamey::inline v1::sqlite_detail {

open_file::open_file(const sqlite_options& options) : path_(sqlite_file(options)), log_path_(path_ + "-wal") {
  if (path_ == ":memory:" || !options.vfs.empty()) return;
  file_ = identity_of(path_);
  log_ = identity_of(log_path_);
}

std::optional<open_file::identity> open_file::identity_of(const std::string& path) {
  struct ::stat found{};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return identity{.device = found.st_dev, .number = found.st_ino};
}

void open_file::refuse_if_replaced() {
  if (!file_) return;  // in memory, or a file layer of its own
  const auto now = identity_of(path_), log_now = identity_of(log_path_);
  const std::lock_guard lock(mutex_);
  if (now == file_ && !log_) log_ = log_now;  // SQLite makes it with the first write
  if (now == file_ && log_now == log_) return;
  throw unavailable(
      "database_replaced",
      "{file} was {what} under the running service, which writes nothing any more, as it would be lost. Stop the service; put the "
      "file back with its -wal, or remove the -wal and -shm of the old one to keep the new one; start again",
      now == file_ ? log_path_ : path_, (now == file_ ? log_now : now) ? "replaced" : "moved or deleted");
}

void check_first_page(sqlite3* database, const std::string& file) {
  constexpr std::string_view magic{"SQLite format 3\0", 16};
  sqlite3_file* opened = nullptr;
  if (file == ":memory:" || sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &opened) != SQLITE_OK || opened == nullptr ||
      opened->pMethods == nullptr)
    return;
  std::array<char, 100> header{};
  const auto code = opened->pMethods->xRead(opened, header.data(), static_cast<int>(header.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) throw_error(nullptr, code, file, "reading its first page");
  if (code == SQLITE_IOERR_SHORT_READ || std::string_view(header.data(), magic.size()) != magic)
    throw_error(nullptr, SQLITE_NOTADB, file, "reading its first page");
}

}  // namespace mamey::inline v1::sqlite_detail
