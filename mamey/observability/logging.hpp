#pragma once

/// @file
/// For features and services.
/// The log of the process: section `logger`, levels at run time, sinks, statistics of dropped records. log.hpp writes lines.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {

enum class log_format : std::uint8_t { human, json };

/// How often a new log file begins (UTC).
enum class log_interval : std::uint8_t { infinite, year, month, day, hour, minute };

struct log_console_options {
  bool enabled = true;                    ///< writes lines to stdout
  log_format format = log_format::human;  ///< human: one aligned line, in colours on a terminal; json: one object per line
};

struct log_file_options {
  bool enabled = false;                       ///< writes lines to files
  std::string path = "logs/logs.txt";         ///< path of the file; the date is added before the extension: `logs/logs20260131.txt`
  log_interval interval = log_interval::day;  ///< how often a new file begins (UTC)
  log_format format = log_format::json;       ///< as for the console
  std::uint64_t size_limit = 1ULL << 30;      ///< size in bytes after which the next file `_001`, `_002`, … begins; 0: no limit
  std::size_t retained_files = 31;            ///< how many files of this log are kept; older ones are deleted. 0: all are kept
};

/// Section `logger`, with the keys of .NET Mamey (Convey). Key names in `redact` and `exclude_properties` are compared without case, `_`,
/// `-` and `.`.
struct log_options {
  log_level level = log_level::information;  ///< the lowest level that is written
  log_console_options console;
  log_file_options file;
  std::map<std::string, log_level> minimum_level_overrides;  ///< levels by category prefix, in any case; the longest matching prefix wins
  std::map<std::string, log_level> overrides;                ///< a newer name of `minimumLevelOverrides`; wins over it
  std::vector<std::string> exclude_paths;                    ///< drops records whose value `request_path` ends with one of them
  std::vector<std::string> exclude_properties;               ///< drops records that carry a value of this name
  std::map<std::string, std::string> tags;                   ///< texts that are added to each record: environment, instance, version
  /// Values whose name contains one of these are written as `***`, in the text and in the values. Added to `default_redacted_names()`.
  std::vector<std::string> redact;
  std::size_t queue = 16'384;  ///< maximum number of records that wait to be written; the last tenth is reserved for warnings and above
  std::size_t queue_bytes = 16U << 20;  ///< maximum size of these records in bytes
};

/// A hole of the template or a value of the context, with its name.
struct log_value {
  std::string name;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string> value;
};

/// One record as a sink receives it: rendered, with secrets masked.
struct log_record {
  std::chrono::sys_time<std::chrono::microseconds> time;
  log_level level = log_level::information;  ///< the level of this record
  std::string_view category;                 ///< lives as long as the process
  std::string pattern;                       ///< as written in the code; equal for all records of one place
  std::string message;
  std::vector<log_value> values;                       ///< holes in their order
  std::vector<log_value> context;                      ///< values that the context provider added
  std::shared_ptr<const std::vector<log_value>> tags;  ///< equal for all records; null: none
};

/// A destination of records. Only the log's background thread calls it, one record at a time. It may block (other records then wait in the
/// queue) and throw: exceptions are counted, and each kind (the error's code) is reported once on stderr while it lasts.
class log_sink {
 public:
  virtual ~log_sink() = default;
  virtual void write(const log_record& record) = 0;
  virtual void flush() {}
};

/// Receives the ambient context's values for a record being written.
class log_context {
 public:
  explicit log_context(std::vector<log_value>& values) noexcept : values_(values) {}
  void add(std::string_view name, const text_argument& value);

 private:
  std::vector<log_value>& values_;
};

/// Called on the writing thread for each record: adds `service`, `correlationId`, `traceId`, `spanId`, `user`, `tenant` where they are set.
/// It neither suspends nor throws.
using log_context_provider = void (*)(log_context& context);

struct log_statistics {
  std::uint64_t written = 0;        ///< records handed to the sinks
  std::uint64_t dropped = 0;        ///< lost because of a full queue or lack of memory
  std::uint64_t sink_failures = 0;  ///< exceptions of sinks, the console's too; records may be missing there
};

namespace logging {

/// Applies `options` and starts the background thread. May be called again; sinks added by `add_sink` stay. Until the first call, and after
/// `stop`, records of level warning and above go to stderr at once.
/// A log file that cannot be opened is a sink that fails: reported on stderr, counted, and tried again with later records.
void configure(const log_options& options);

/// Waits until the records from before the call are in the sinks and the sinks are flushed, for at most `limit`; false when that was too
/// short. Blocks the thread: not for event loops.
bool flush(std::chrono::milliseconds limit = std::chrono::seconds(5)) noexcept;

/// Writes the queued records and ends the background thread. Called automatically at exit. Idempotent. Bounded: a console without a reader
/// gets 2 seconds altogether, a hanging sink 5; records that are not written by then are lost.
void stop() noexcept;

/// Writes to standard output directly, without the log and stdio. False when it failed, or when the reader did not read for `patience`:
/// then a part may have been written. Blocks the thread for at most this time.
bool print(std::string_view text, std::chrono::milliseconds patience = std::chrono::seconds(1)) noexcept;
/// Writes a line for the one who started the process, at all log levels: as `print`, or as a JSON record of level information where that is
/// the console's format.
bool announce(std::string_view text, std::chrono::milliseconds patience = std::chrono::seconds(1)) noexcept;
/// As `print`, to standard error.
bool print_error(std::string_view text, std::chrono::milliseconds patience = std::chrono::seconds(1)) noexcept;

/// Sets the level of a category and everything below it, for categories without a longer override; an empty one sets the default level.
void set_level(log_level level, std::string_view category = {});

/// The same from texts, for `POST /logging/level?level=debug&category=mamey.outbox`. False, and nothing changes, when `level` is no level.
bool set_level(std::string_view level, std::string_view category = {});

/// The default level under the empty name, then the overrides.
std::map<std::string, log_level> levels();

void set_context_provider(log_context_provider provider) noexcept;

/// Adds a sink to those of the options. Works before `configure`.
void add_sink(std::shared_ptr<log_sink> sink);
/// After it returns, the sink is not called any more.
void remove_sink(const log_sink& sink) noexcept;

log_statistics statistics() noexcept;

/// password, secret, token, authorization, …
const std::vector<std::string>& default_redacted_names();

}  // namespace logging
}  // namespace mamey::inline v1
