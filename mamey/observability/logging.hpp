#pragma once

/// @file
/// The process's one log system: section `logger`, levels at run time, sinks, what a full queue cost. Writing a line is log.hpp.

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

/// How often a file of its own begins (UTC).
enum class log_interval : std::uint8_t { infinite, year, month, day, hour, minute };

struct log_console_options {
  bool enabled = true;                    ///< lines on stdout
  log_format format = log_format::human;  ///< human: one aligned line, in colours on a terminal; json: one object a line
};

struct log_file_options {
  bool enabled = false;                 ///< lines in files
  std::string path = "logs/logs.txt";  ///< the interval's date goes before the extension: `logs/logs20260131.txt`
  log_interval interval = log_interval::day;  ///< after which a file of its own begins (UTC)
  log_format format = log_format::json;       ///< as of the console
  std::uint64_t size_limit = 1ULL << 30;  ///< bytes after which `_001`, `_002`, … begin; 0: none
  std::size_t retained_files = 31;        ///< older files of this log are deleted; 0: none are
};

/// Section `logger`, in the reference's keys. Key names in `redact` and `exclude_properties` are compared without case, `_`, `-` and `.`.
struct log_options {
  log_level level = log_level::information;  ///< the least that is written
  log_console_options console;
  log_file_options file;
  std::map<std::string, log_level> minimum_level_overrides;  ///< by category prefix, in any case; the longest that matches wins
  std::map<std::string, log_level> overrides;                ///< another name of the same, from newer reference files; wins over it
  std::vector<std::string> exclude_paths;                    ///< drops records whose value `request_path` ends with one of them
  std::vector<std::string> exclude_properties;               ///< drops records that carry a value of this name
  std::map<std::string, std::string> tags;                   ///< on each record: environment, instance, version
  /// Values whose name contains one of these are written as `***`, in the text and in the values. Added to `default_redacted_names()`.
  std::vector<std::string> redact;
  std::size_t queue = 16'384;           ///< most records waiting to be written; the last tenth is kept for warnings and above
  std::size_t queue_bytes = 16U << 20;  ///< most bytes they hold
};

/// A hole of the template, or something of the context, with what filled it.
struct log_value {
  std::string name;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string> value;
};

/// What a sink receives: rendered and redacted.
struct log_record {
  std::chrono::sys_time<std::chrono::microseconds> time;
  log_level level = log_level::information;  ///< the least that is written
  std::string_view category;  ///< lives as long as the process
  std::string pattern;        ///< as written in the code; equal for all records of one place
  std::string message;
  std::vector<log_value> values;                       ///< holes in their order
  std::vector<log_value> context;                      ///< what the context provider added
  std::shared_ptr<const std::vector<log_value>> tags;  ///< equal for all records; null: none
};

/// Where records go. Called by the log's background thread only, one record at a time; may block and throw (counted, reported on stderr).
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
  std::uint64_t dropped = 0;        ///< lost to a full queue or to lack of memory
  std::uint64_t sink_failures = 0;  ///< exceptions of sinks; the record may be missing there
};

namespace logging {

/// Applies `options` and starts the background thread. May be called again; sinks added by `add_sink` stay. Until the first call, and after
/// `stop`, records of level warning and above go to stderr at once.
/// Throws `unavailable` when the log file cannot be opened; what was configured before then stays.
void configure(const log_options& options);

/// Waits until what was logged before the call is in the sinks and they are flushed, but at most `limit`; false when that was too short.
/// Blocks the thread: not for event loops.
bool flush(std::chrono::milliseconds limit = std::chrono::seconds(5)) noexcept;

/// Writes what is queued and ends the background thread. Called at exit if nobody does. Idempotent.
void stop() noexcept;

/// Sets the level of a category and everything below it, for categories without a longer override; an empty one sets the default level.
void set_level(log_level level, std::string_view category = {});

/// The same from texts, for `POST /logging/level?level=debug&category=mamey.outbox`. False, and nothing changes, when `level` is no level.
bool set_level(std::string_view level, std::string_view category = {});

/// The default level under the empty name, then the overrides.
std::map<std::string, log_level> levels();

void set_context_provider(log_context_provider provider) noexcept;

/// Adds a sink of one's own to those the options ask for. Works before `configure`.
void add_sink(std::shared_ptr<log_sink> sink);
/// Once it returns the sink is not called any more.
void remove_sink(const log_sink& sink) noexcept;

log_statistics statistics() noexcept;

/// password, secret, token, authorization, …
const std::vector<std::string>& default_redacted_names();

}  // namespace logging
}  // namespace mamey::inline v1
