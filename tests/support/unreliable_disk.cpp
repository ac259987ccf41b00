#include "unreliable_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <utility>

namespace mamey::testing {
namespace {

/// SQLite allocates it; the base's file follows behind. Locks and shared memory are the base's, contents are the disk's.
struct disk_file {
  sqlite3_file base;
  unreliable_disk* disk;
  std::string path;
  std::shared_ptr<unreliable_disk::file_state> contents;  ///< null for a file the disk does not hold: temporary ones
};

constexpr std::size_t behind = (sizeof(disk_file) + 15) / 16 * 16;

disk_file& ours(sqlite3_file* file) { return *reinterpret_cast<disk_file*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + behind); }

int close_file(sqlite3_file* file) {
  const auto code = real(file)->pMethods->xClose(real(file));
  ours(file).~disk_file();
  return code;
}

int read_file(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  auto& self = ours(file);
  const std::scoped_lock lock(self.disk->guard());
  const auto& image = self.contents->image;
  const auto available = static_cast<std::size_t>(std::max<std::int64_t>(static_cast<std::int64_t>(image.size()) - offset, 0));
  const auto copied = std::min(available, static_cast<std::size_t>(amount));
  if (copied > 0) std::memcpy(into, image.data() + offset, copied);
  if (copied == static_cast<std::size_t>(amount)) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + copied, 0, static_cast<std::size_t>(amount) - copied);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
  auto& self = ours(file);
  return self.disk->write(self.path, *self.contents, {static_cast<const char*>(bytes), static_cast<std::size_t>(amount)}, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  auto& self = ours(file);
  return self.disk->truncate(self.path, *self.contents, size);
}

int sync_file(sqlite3_file* file, int) {
  auto& self = ours(file);
  return self.disk->sync(self.path, *self.contents);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto& self = ours(file);
  const std::scoped_lock lock(self.disk->guard());
  *size = static_cast<sqlite3_int64>(self.contents->image.size());
  return SQLITE_OK;
}

int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
// Hints about sizes would reach the real file behind the disk's back.
int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 512; }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int n, int flags) { return real(file)->pMethods->xShmLock(real(file), offset, n, flags); }
void barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

const sqlite3_io_methods methods = {2,           close_file,  read_file,    write_file, truncate_file, sync_file,       file_size,
                                    lock_file,   unlock_file, check_lock,   control,    sector_size,   characteristics, map_shared,
                                    lock_shared, barrier,     unmap_shared, nullptr,    nullptr};

unreliable_disk& disk_of(sqlite3_vfs* vfs) { return *static_cast<unreliable_disk*>(vfs->pAppData); }

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto& disk = disk_of(vfs);
  if (path == nullptr || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) == 0) {
    return disk.base().xOpen(&disk.base(), path, file, flags, out_flags);  // temporary: needs no disk
  }
  file->pMethods = nullptr;
  if (!disk.is_on()) return SQLITE_CANTOPEN;
  const auto code = disk.base().xOpen(&disk.base(), path, real(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  new (file) disk_file{{&methods}, &disk, path, disk.open(path)};
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int) { return disk_of(vfs).remove(path); }
int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
  auto& disk = disk_of(vfs);
  if (flags == SQLITE_ACCESS_EXISTS) return *out = disk.exists(path) ? 1 : 0, SQLITE_OK;
  return disk.base().xAccess(&disk.base(), path, flags, out);
}

void change_image(std::string& image, const unreliable_disk::change& change) {
  const auto end = static_cast<std::size_t>(change.offset) + change.bytes.size();
  if (change.truncates || image.size() < end) image.resize(end);
  image.replace(static_cast<std::size_t>(change.offset), change.bytes.size(), change.bytes);
}

void store(const std::string& path, const std::string& image) { std::ofstream(path, std::ios::binary | std::ios::trunc) << image; }

}  // namespace

unreliable_disk::unreliable_disk(const std::string& name, std::uint64_t seed)
    : base_(sqlite3_vfs_find(nullptr)), vfs_(std::make_unique<sqlite3_vfs>(*base_)), name_(name), random_(seed) {
  vfs_->szOsFile = static_cast<int>(behind) + base_->szOsFile;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->pNext = nullptr;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  vfs_->xAccess = access_file;
  sqlite3_vfs_register(vfs_.get(), 0);
}

unreliable_disk::~unreliable_disk() { sqlite3_vfs_unregister(vfs_.get()); }

// -- power ------------------------------------------------------------------------------------------------------------

void unreliable_disk::cut_power() {
  const std::scoped_lock lock(mutex_);
  cut();
}

void unreliable_disk::cut_power_after(int operations) {
  const std::scoped_lock lock(mutex_);
  operations_left_ = operations;
}

void unreliable_disk::cut() {
  if (!std::exchange(on_, false)) return;
  for (const auto& [path, file] : files_) persist_any_part(path, *file);
  files_.clear();
  holding_ = false;
  changed_.notify_all();
}

bool unreliable_disk::is_on() const {
  const std::scoped_lock lock(mutex_);
  return on_;
}

void unreliable_disk::restore_power() {
  const std::scoped_lock lock(mutex_);
  files_.clear();
  on_ = true;
  operations_left_ = -1;
}

/// False when the power is off, or goes off now.
bool unreliable_disk::count_operation() {
  if (on_ && operations_left_ >= 0 && operations_left_-- == 0) cut();
  return on_;
}

/// Nothing, a part in order, or any selection of sectors in any order: all happen.
void unreliable_disk::persist_any_part(const std::string& path, const file_state& file) {
  if (file.unsynced.empty()) return;
  std::ifstream in(path, std::ios::binary);
  std::string durable(std::istreambuf_iterator<char>(in), {});
  switch (random_() % 3) {
    case 0:
      return;
    case 1: {
      const auto kept = random_() % (file.unsynced.size() + 1);
      for (std::size_t i = 0; i < kept; ++i) change_image(durable, file.unsynced[i]);
      break;
    }
    default:
      for (const auto& each : file.unsynced) {
        for (std::size_t at = 0; at < each.bytes.size(); at += 512) {
          if (random_() % 2 == 0) change_image(durable, {each.offset + static_cast<std::int64_t>(at), each.bytes.substr(at, 512)});
        }
        if (each.truncates && random_() % 2 == 0) change_image(durable, each);
      }
  }
  store(path, durable);
}

// -- faults -----------------------------------------------------------------------------------------------------------

void unreliable_disk::fail_syncs(int code) {
  const std::scoped_lock lock(mutex_);
  sync_failure_ = code;
}
void unreliable_disk::fail_writes(int code) {
  const std::scoped_lock lock(mutex_);
  write_failure_ = code;
}
void unreliable_disk::hold_syncs() {
  const std::scoped_lock lock(mutex_);
  holding_ = true;
}
void unreliable_disk::wait_until_held() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return held_ > 0; });
}
bool unreliable_disk::is_held() const {
  const std::scoped_lock lock(mutex_);
  return held_ > 0;
}
void unreliable_disk::release_syncs() {
  const std::scoped_lock lock(mutex_);
  holding_ = false;
  changed_.notify_all();
}
std::uint64_t unreliable_disk::syncs() const {
  const std::scoped_lock lock(mutex_);
  return syncs_;
}

// -- files ------------------------------------------------------------------------------------------------------------

std::shared_ptr<unreliable_disk::file_state> unreliable_disk::open(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  auto& file = files_[path];
  if (!file) {
    std::ifstream in(path, std::ios::binary);
    file = std::make_shared<file_state>(file_state{std::string(std::istreambuf_iterator<char>(in), {}), {}});
  }
  return file;
}

int unreliable_disk::write(const std::string&, file_state& file, std::string_view bytes, std::int64_t offset) {
  const std::scoped_lock lock(mutex_);
  if (!count_operation()) return SQLITE_IOERR_WRITE;
  if (write_failure_ != 0) return write_failure_;
  file.unsynced.push_back({offset, std::string(bytes)});
  change_image(file.image, file.unsynced.back());
  return SQLITE_OK;
}

int unreliable_disk::truncate(const std::string&, file_state& file, std::int64_t size) {
  const std::scoped_lock lock(mutex_);
  if (!count_operation()) return SQLITE_IOERR_TRUNCATE;
  file.unsynced.push_back({size, {}, true});
  change_image(file.image, file.unsynced.back());
  return SQLITE_OK;
}

int unreliable_disk::sync(const std::string& path, file_state& file) {
  std::unique_lock lock(mutex_);
  if (!count_operation()) return SQLITE_IOERR_FSYNC;
  if (sync_failure_ != 0) return sync_failure_;
  if (holding_) {
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !holding_; });
    --held_;
  }
  if (!on_) return SQLITE_IOERR_FSYNC;
  ++syncs_;
  if (file.unsynced.empty()) return SQLITE_OK;
  store(path, file.image);
  file.unsynced.clear();
  return SQLITE_OK;
}

int unreliable_disk::remove(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (!on_) return SQLITE_IOERR_DELETE;
  files_.erase(path);
  std::error_code failed;
  std::filesystem::remove(path, failed);
  return failed ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

bool unreliable_disk::exists(const std::string& path) const {
  const std::scoped_lock lock(mutex_);
  const auto open = files_.find(path);
  if (open != files_.end()) return !open->second->image.empty();  // as SQLite's own: an empty file is none
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  return !failed && size > 0;
}

}  // namespace mamey::testing
