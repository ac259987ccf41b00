#pragma once

/// @file
/// One SQLite connection, used by one thread at a time: statements by text, prepared once, and errors of the one family.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include <mamey/domain/document.hpp>
#include <mamey/persistence/sqlite/options.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace mamey::inline v1::sqlite_detail {

class connection;

/// A prepared statement in use: bind, step, read. Goes back to the cache at the end of its life. Bound texts are not copied: they outlive
/// it.
class statement {
 public:
  statement(connection& owner, sqlite3_stmt* handle, bool& in_use) noexcept;
  ~statement();
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  /// Binds the next parameter.
  statement& bind(std::int64_t value);
  statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  statement& bind(double value);
  statement& bind(std::string_view text);
  statement& bind(const char* text) { return bind(std::string_view(text)); }
  statement& bind(const std::string& text) { return bind(std::string_view(text)); }
  statement& bind_bytes(std::string_view bytes);
  statement& bind_null();
  statement& bind(const sql_value& value);

  /// True when there is a row to read.
  bool step();
  /// Runs a statement that returns nothing; the number of rows it changed.
  std::int64_t run();
  /// Ready to be bound again.
  void reset() noexcept;

  std::int64_t integer(int column) const noexcept;
  std::string text(int column) const;
  std::string_view view(int column) const noexcept;  ///< until the next step
  bool is_null(int column) const noexcept;
  sql_value value(int column) const;
  int columns() const noexcept;
  std::string name(int column) const;
  int parameters() const noexcept;
  bool only_reads() const noexcept;

 private:
  void check(int code) const;

  connection* owner_;
  sqlite3_stmt* handle_;
  bool* in_use_;
  int next_ = 1;
};

enum class access : std::uint8_t { write, read };

class connection {
 public:
  /// Opens and configures the file; throws `unavailable` naming it and the cause.
  connection(const sqlite_options& options, access how);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// The statement with this text, prepared at most once.
  statement use(std::string_view sql);
  /// Runs text that holds any number of statements.
  void execute(const std::string& script);

  /// False inside a transaction.
  bool autocommit() const noexcept;
  std::int64_t changes() const noexcept;
  std::int64_t total_changes() const noexcept;
  std::int64_t last_inserted() const noexcept;

  /// Stops running statements when `stop` returns true; it is called at intervals while a statement runs. Empty: never.
  void limit(std::function<bool()> stop);

  /// Frames now in the log, as the last commit left it.
  int log_frames() const noexcept { return log_frames_; }
  enum class checkpoint_mode : std::uint8_t { passive, truncate };
  /// Copies the log into the file. Never throws: a failure leaves the log as it is, to be tried again.
  void checkpoint(checkpoint_mode mode) noexcept;

  const std::string& file() const noexcept { return file_; }
  /// Throws what SQLite's `code` means to a caller.
  [[noreturn]] void fail(int code, std::string_view sql) const;

  sqlite3* handle() const noexcept { return database_; }

 private:
  void close() noexcept;
  struct cached {
    sqlite3_stmt* handle = nullptr;
    bool in_use = false;
  };
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  void configure(const sqlite_options& options, access how);
  void switch_to_log();
  void check_after_crash();
  void trim_cache();

  static int on_busy(void* self, int count) noexcept;

  std::string file_;
  std::chrono::milliseconds busy_timeout_{};
  std::chrono::steady_clock::time_point busy_since_{};
  sqlite3* database_ = nullptr;
  std::unordered_map<std::string, cached, text_hash, std::equal_to<>> statements_;
  std::function<bool()> stop_;
  int log_frames_ = 0;
};

}  // namespace mamey::inline v1::sqlite_detail
