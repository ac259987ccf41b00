#pragma once

/// @file
/// Whether the files of a connection are still those that its path names. SQLite itself goes on in a file that was moved away or deleted,
/// and what is written there nobody finds again.

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <string>

#include <mamey/persistence/sqlite/options.hpp>

struct sqlite3;

namespace mamey::inline v1::sqlite_detail {

/// Any thread.
class open_file {
 public:
  /// Remembers the file that the path names now. In memory, or on a file layer of its own, it is always in place.
  explicit open_file(const sqlite_options& options);

  /// Throws `unavailable` (`database_replaced`) when the path, or that of its log, names another file now, or none.
  void refuse_if_replaced();

 private:
  struct identity {
    dev_t device{};
    ino_t number{};
    bool operator==(const identity&) const = default;
  };
  static std::optional<identity> identity_of(const std::string& path);

  const std::string path_, log_path_;
  std::mutex mutex_;
  std::optional<identity> file_, log_;  ///< nothing: not a file of this system (yet)
};

/// Reads the first bytes of the file itself, past every cache, and throws `unavailable` when they are no database's. The connection is not
/// in use elsewhere.
void check_first_page(sqlite3* database, const std::string& file);

}  // namespace mamey::inline v1::sqlite_detail
