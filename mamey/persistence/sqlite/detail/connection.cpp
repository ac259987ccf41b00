#include <mamey/persistence/sqlite/detail/connection.hpp>

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <thread>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/domain/column_decimals.hpp>
#include <mamey/persistence/sqlite/detail/errors.hpp>

namespace mamey::inline v1::sqlite_detail {
namespace {

constexpr std::size_t most_cached_statements = 512;       // ours are some dozens; the rest is room for a service's own
constexpr std::uintmax_t most_checked_bytes = 256 << 20;  // a second, where the disk is slow
constexpr int steps_between_looks = 4'000;                // of SQLite's machine, some 100 µs

void make_folder(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  if (folder.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw unavailable("database_not_opened", "cannot open {file}: making its folder failed: {cause}", file, failed.message());
}

/// SQLite's own words for a folder in which it may not make its log speak of something else.
void expect_writable_folder(const std::string& file) {
  auto folder = std::filesystem::path(file).parent_path().string();
  if (folder.empty()) folder = ".";
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno != EACCES) return;
  throw unavailable(
      "database_read_only",
      "cannot open {file}: its folder {folder} must be writable for this process, as SQLite keeps a log beside the file: {cause}", file,
      folder, std::system_category().message(errno));
}

}  // namespace

// -- connection -------------------------------------------------------------------------------------------------------

connection::connection(const sqlite_options& options, access how) : file_(sqlite_file(options)), busy_timeout_(options.busy_timeout) {
  if (file_ != ":memory:") make_folder(file_);
  if (file_ != ":memory:" && options.vfs.empty() && how == access::write) expect_writable_folder(file_);
  std::error_code none;
  const bool has_log = how == access::write && std::filesystem::file_size(file_ + "-wal", none) > 0 && !none;
  const auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (how == access::write ? SQLITE_OPEN_CREATE : 0);
  const auto code = sqlite3_open_v2(file_.c_str(), &database_, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  try {
    if (code != SQLITE_OK) throw_open_error(database_, code, file_);
    configure(options, how);
    if (has_log) check_after_crash();
  } catch (...) {
    close();
    throw;
  }
}

connection::~connection() { close(); }

// Statements first: SQLite keeps a connection as long as one of its statements lives.
void connection::close() noexcept {
  for (auto& [text, each] : statements_) sqlite3_finalize(each.handle);
  sqlite3_close_v2(database_);
}

void connection::configure(const sqlite_options& options, access how) {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_create_collation_v2(
      database_, "mamey_decimal", SQLITE_UTF8, nullptr,
      [](void*, int left_size, const void* left, int right_size, const void* right) {
        return compare_decimals({static_cast<const char*>(left), static_cast<std::size_t>(left_size)},
                                {static_cast<const char*>(right), static_cast<std::size_t>(right_size)});
      },
      nullptr);
  sqlite3_busy_handler(database_, &connection::on_busy, this);
  // Not within COMMIT: a caller that waits for the commit need not wait for the checkpoint.
  sqlite3_wal_autocheckpoint(database_, 0);
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int frames) {
        static_cast<connection*>(self)->log_frames_ = frames;
        return SQLITE_OK;
      },
      this);
  try {
    if (how == access::read) {
      execute("pragma query_only = on; pragma cache_size = -4000; pragma trusted_schema = off");
      return;
    }
    if (sqlite3_db_readonly(database_, "main") == 1)
      throw unavailable("database_read_only", "cannot write {file}: the file or its folder is read-only", file_);
    if (file_ != ":memory:") switch_to_log();
    execute("pragma synchronous = " + options.synchronous +
            "; pragma foreign_keys = on; pragma journal_size_limit = 67108864; pragma cache_size = -8000; pragma temp_store = memory; "
            "pragma trusted_schema = off");
  } catch (const error& failure) {
    throw unavailable(failure.code(), "cannot open {file}: {cause}", file_, failure.reason());
  }
}

// The switch takes the file alone and asks no busy handler, so two processes that start together must take turns here.
void connection::switch_to_log() {
  const auto give_up = std::chrono::steady_clock::now() + busy_timeout_;
  for (;;) {
    try {
      auto mode = use("pragma journal_mode = wal");
      if (mode.step() && mode.view(0) == "wal") return;
      throw unavailable("database_without_log", "the file system under {file} does not carry SQLite's write-ahead log (a network share?)",
                        file_);
    } catch (const unavailable& failure) {
      if (failure.code() != "database_busy" || std::chrono::steady_clock::now() > give_up) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // not banned: a thread of the store, no event loop
  }
}

// A log that was left behind may belong to another file: somebody has put a backup in this one's place. SQLite applies it all the same, and
// can only tell by what comes out. A large file would hold up the start too long.
void connection::check_after_crash() {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file_, unknown);
  if (unknown || size > most_checked_bytes) return;
  auto found = use("pragma quick_check(1)");
  if (found.step() && found.view(0) != "ok")
    throw unavailable("database_corrupt",
                      "cannot open {file}: with its -wal, which an earlier run has left behind, it is not intact: {cause}. If a backup was "
                      "put in its place, "
                      "remove the -wal and -shm of the old file; else restore a backup",
                      file_, found.view(0));
}

// Short naps: the other holder is a group commit, gone after one sync. SQLite's own handler would soon sleep 100 ms.
int connection::on_busy(void* self, int count) noexcept {
  auto& me = *static_cast<connection*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (count == 0) me.busy_since_ = now;
  if (now - me.busy_since_ >= me.busy_timeout_) return 0;
  const auto nap = std::chrono::microseconds(std::min(100 + 100 * count, 2'000));
  std::this_thread::sleep_for(nap);  // not banned: a thread of the store, no event loop
  return 1;
}

statement connection::use(std::string_view sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    trim_cache();
    sqlite3_stmt* made = nullptr;
    const char* rest = nullptr;
    const auto code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made, &rest);
    if (code != SQLITE_OK) fail(code, sql);
    if (made == nullptr) throw internal_error("sql_error", "no statement in \"{sql}\"", sql);
    if (std::any_of(rest, sql.data() + sql.size(), [](char c) { return c != ';' && !is_ascii_space(c); })) {
      sqlite3_finalize(made);
      throw internal_error("sql_error", "one statement at a time, not \"{sql}\"", sql);
    }
    found = statements_.emplace(sql, cached{made}).first;
  }
  assert(!found->second.in_use);
  return {*this, found->second.handle, found->second.in_use};
}

void connection::trim_cache() {
  if (statements_.size() < most_cached_statements) return;
  std::erase_if(statements_, [](auto& each) {
    if (each.second.in_use) return false;
    sqlite3_finalize(each.second.handle);
    return true;
  });
}

void connection::execute(const std::string& script) {
  const auto code = sqlite3_exec(database_, script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, script);
}

bool connection::autocommit() const noexcept { return sqlite3_get_autocommit(database_) != 0; }
std::int64_t connection::changes() const noexcept { return sqlite3_changes64(database_); }
std::int64_t connection::total_changes() const noexcept { return sqlite3_total_changes64(database_); }
std::int64_t connection::last_inserted() const noexcept { return sqlite3_last_insert_rowid(database_); }

void connection::limit(std::function<bool()> stop) {
  stop_ = std::move(stop);
  const auto ask = [](void* self) { return static_cast<connection*>(self)->stop_() ? 1 : 0; };
  sqlite3_progress_handler(database_, steps_between_looks, stop_ ? +ask : nullptr, this);
}

void connection::checkpoint(checkpoint_mode mode) noexcept {
  const auto how = mode == checkpoint_mode::truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  sqlite3_wal_checkpoint_v2(database_, "main", how, nullptr, nullptr);
}

void connection::fail(int code, std::string_view sql) const { throw_error(database_, code, file_, sql); }

// -- statement --------------------------------------------------------------------------------------------------------

statement::statement(connection& owner, sqlite3_stmt* handle, bool& in_use) noexcept : owner_(&owner), handle_(handle), in_use_(&in_use) {
  *in_use_ = true;
}

statement::~statement() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);  // they point into the caller's data
  *in_use_ = false;
}

void statement::check(int code) const {
  if (code != SQLITE_OK) owner_->fail(code, sqlite3_sql(handle_));
}

statement& statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(handle_, next_++, value));
  return *this;
}
statement& statement::bind(double value) {
  check(sqlite3_bind_double(handle_, next_++, value));
  return *this;
}
statement& statement::bind(std::string_view text) {
  // A null pointer would bind NULL.
  check(sqlite3_bind_text64(handle_, next_++, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}
statement& statement::bind_bytes(std::string_view bytes) {
  check(sqlite3_bind_blob64(handle_, next_++, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC));
  return *this;
}
statement& statement::bind_null() {
  check(sqlite3_bind_null(handle_, next_++));
  return *this;
}

statement& statement::bind(const sql_value& value) {
  struct binder {
    statement& into;
    void operator()(std::monostate) const { into.bind_null(); }
    void operator()(std::int64_t number) const { into.bind(number); }
    void operator()(double number) const { into.bind(number); }
    void operator()(const std::string& text) const { into.bind(text); }
    void operator()(const std::vector<std::byte>& bytes) const {
      into.bind_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
  };
  using base = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<std::byte>>;
  std::visit(binder{*this}, static_cast<const base&>(value));
  return *this;
}

bool statement::step() {
  const auto code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) owner_->fail(code, sqlite3_sql(handle_));
  return false;
}

std::int64_t statement::run() {
  const auto before = owner_->total_changes();
  while (step()) {}
  return owner_->total_changes() == before ? 0 : owner_->changes();
}

void statement::reset() noexcept {
  sqlite3_reset(handle_);
  next_ = 1;
}

std::int64_t statement::integer(int column) const noexcept { return sqlite3_column_int64(handle_, column); }
bool statement::is_null(int column) const noexcept { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
std::string statement::text(int column) const { return std::string(view(column)); }

std::string_view statement::view(int column) const noexcept {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));  // as text too: stored in UTF-8, not converted
  return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))) : std::string_view();
}

sql_value statement::value(int column) const {
  switch (sqlite3_column_type(handle_, column)) {
    case SQLITE_INTEGER:
      return integer(column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(handle_, column);
    case SQLITE_TEXT:
      return text(column);
    case SQLITE_BLOB: {
      const auto bytes = std::as_bytes(std::span(view(column)));
      return std::vector<std::byte>(bytes.begin(), bytes.end());
    }
    default:
      return {};
  }
}

int statement::columns() const noexcept { return sqlite3_column_count(handle_); }
std::string statement::name(int column) const { return sqlite3_column_name(handle_, column); }
bool statement::only_reads() const noexcept { return sqlite3_stmt_readonly(handle_) != 0; }
int statement::parameters() const noexcept { return sqlite3_bind_parameter_count(handle_); }

}  // namespace mamey::inline v1::sqlite_detail
