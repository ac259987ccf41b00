#pragma once

/// @file
/// A disk for SQLite whose power can be cut. What is written stays in memory until it is synced; a cut loses what was not, or keeps any
/// part of it, torn sectors included, as real disks do. It can also run full, fail, and hold still in the middle of a sync.
///
/// `unreliable_disk disk("name");` registers a VFS of that name: open databases with `sqlite_options{.vfs = "name"}`.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace mamey::testing {

class unreliable_disk {
 public:
  explicit unreliable_disk(const std::string& name, std::uint64_t seed = 1);
  ~unreliable_disk();  ///< every database on it is closed by then
  unreliable_disk(const unreliable_disk&) = delete;
  unreliable_disk& operator=(const unreliable_disk&) = delete;

  /// From now on every operation fails, and of the writes not yet synced any part may be on the disk.
  void cut_power();
  /// The same, by itself, at the `operations`-th write, truncation or sync from now.
  void cut_power_after(int operations);
  bool is_on() const;
  /// The machine starts again. Databases that were open must have been closed.
  void restore_power();

  /// Syncs fail with this SQLite code (`SQLITE_IOERR_FSYNC`) until told otherwise; 0: they work.
  void fail_syncs(int code);
  /// Likewise writes (`SQLITE_FULL`).
  void fail_writes(int code);
  /// Syncs do not return until `release_syncs`.
  void hold_syncs();
  void wait_until_held();  ///< until a sync hangs
  bool is_held() const;
  void release_syncs();

  std::uint64_t syncs() const;

  // -- for the file layer -----------------------------------------------------------------------------------------------

  struct change {
    std::int64_t offset = 0;  ///< of a write, or the new size
    std::string bytes;
    bool truncates = false;
  };
  /// A file as programs see it, and what of that is not on the disk yet.
  struct file_state {
    std::string image;
    std::vector<change> unsynced;
  };
  /// Loads the file when it is not open yet.
  std::shared_ptr<file_state> open(const std::string& path);
  int write(const std::string& path, file_state& file, std::string_view bytes, std::int64_t offset);
  int truncate(const std::string& path, file_state& file, std::int64_t size);
  int sync(const std::string& path, file_state& file);
  int remove(const std::string& path);
  bool exists(const std::string& path) const;
  std::mutex& guard() const { return mutex_; }
  sqlite3_vfs& base() const { return *base_; }

 private:
  void cut();
  bool count_operation();
  void persist_any_part(const std::string& path, const file_state& file);

  sqlite3_vfs* base_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<file_state>> files_;
  bool on_ = true;
  int operations_left_ = -1;
  int sync_failure_ = 0, write_failure_ = 0;
  bool holding_ = false;
  int held_ = 0;
  std::uint64_t syncs_ = 0;
};

}  // namespace mamey::testing
