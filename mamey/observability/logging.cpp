#include <mamey/observability/logging.hpp>

#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include <mamey/core/error.hpp>
#include <mamey/observability/detail/bounded_write.hpp>
#include <mamey/observability/detail/log_levels.hpp>
#include <mamey/observability/detail/log_queue.hpp>
#include <mamey/observability/detail/log_render.hpp>
#include <mamey/observability/detail/log_sinks.hpp>

namespace mamey::inline v1 {

namespace {

using namespace detail;

/// One write per line, so that lines of several threads do not mix. The reader of stderr may have stopped as well.
void report_on_stderr(std::string_view line) noexcept {
  try {
    logging::print_error(std::string(line) + '\n', std::chrono::milliseconds(100));
  } catch (const std::bad_alloc&) {  // there is no memory left to report it
  }
}

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds longest_last_words{2};   // for what is written at the end, to a reader that does not read
constexpr std::chrono::seconds longest_stop{5};         // for a sink that hangs
constexpr std::chrono::minutes between_complaints{1};   // about one kind of failure of one sink
constexpr std::chrono::milliseconds longest_lock{200};  // for the sinks, when their thread is lost in one of them

std::size_t bytes_of(const log_record& record) {
  auto bytes = sizeof record + record.pattern.size();
  for (const auto* values : {&record.values, &record.context}) {
    for (const auto& value : *values) {
      const auto* text = std::get_if<std::string>(&value.value);
      bytes += sizeof value + (text != nullptr ? text->size() : 0);
    }
  }
  return bytes;
}

class log_system {
 public:
  void configure(const log_options& options);
  void put(const log_category& category, log_level level, std::string_view pattern, std::span<const text_argument> arguments) noexcept;
  bool flush(std::chrono::milliseconds limit) noexcept { return !running_.load() || queue_.flush(limit); }
  void stop() noexcept;
  void add_sink(std::shared_ptr<log_sink> sink);
  void remove_sink(const log_sink& sink) noexcept;
  log_statistics statistics() const noexcept { return {written_.load(), dropped_.load(), sink_failures_.load()}; }

  log_levels levels;
  std::atomic<log_context_provider> provider{nullptr};
  std::atomic<log_format> console_format{log_format::human};

 private:
  struct output {
    std::shared_ptr<log_sink> sink;
    bool used = false;              // since the last flush
    bool failed = false;            // since the last flush
    std::uint64_t failures = 0;     // since it last worked; 0: it works
    std::set<std::string> kinds{};  // of them
    std::map<std::string, clock::time_point> told{};
  };

  void start_thread();
  void write_batches();
  void try_write(log_record& record) noexcept;
  void write(log_record& record);
  void write_to(output& target, const log_record& record) noexcept;
  void flush_sinks() noexcept;
  void report_drops() noexcept;
  void tell_of_drops();
  void flush_sink(output& target) noexcept;
  void failed(output& target, const error_report& report) noexcept;
  void worked(output& target);
  void write_directly(log_record& record);

  log_queue queue_;
  std::atomic<bool> running_{false};
  std::mutex lifecycle_;  // configure and stop, one at a time
  std::thread thread_;
  std::mutex ended_mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;  // the background thread
  bool lost_ = false;   // it hangs in a sink and was left there: nothing is written in the background any more

  std::mutex sinks_mutex_;  // what the background thread uses for each record
  log_policy policy_;
  std::vector<output> configured_;
  std::vector<output> added_;

  std::atomic<std::uint64_t> written_{0}, dropped_{0}, sink_failures_{0};
  std::uint64_t reported_drops_ = 0;  // background thread's
};

log_system& system() {
  static auto* const instance = new log_system;  // never destroyed: destructors of statics may log
  return *instance;
}

void log_system::configure(const log_options& options) {
  std::lock_guard lifecycle(lifecycle_);
  console_format = options.console.format;
  std::vector<output> outputs;
  if (options.console.enabled) outputs.push_back({make_console_sink(options.console)});
  if (options.file.enabled) {
    outputs.push_back({make_file_sink(options.file, std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()))});
  }
  log_policy policy(options);
  auto overrides = options.overrides;
  overrides.insert(options.minimum_level_overrides.begin(), options.minimum_level_overrides.end());
  flush(std::chrono::seconds(1));  // what was logged so far goes where it was meant to go
  queue_.set_bounds(options.queue, options.queue_bytes);
  {
    std::lock_guard lock(sinks_mutex_);
    configured_.swap(outputs);
    policy_ = std::move(policy);
  }
  levels.replace(options.level, std::move(overrides));
  if (!running_.load() && !lost_) start_thread();
}

void log_system::start_thread() {
  static const bool at_exit = std::atexit([] { system().stop(); }) == 0;
  static_cast<void>(at_exit);
  queue_.reopen();
  end_writing_by(clock::time_point::max());
  ended_ = false;
  sigset_t all, before;  // signals are for the thread that waits for them
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    write_batches();
    const std::lock_guard lock(ended_mutex_);
    ended_ = true;
    ended_changed_.notify_all();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "mamey-log");
  running_.store(true);
}

void log_system::stop() noexcept {
  std::lock_guard lifecycle(lifecycle_);
  if (!running_.exchange(false)) return;
  end_writing_by(clock::now() + longest_last_words);
  queue_.request_stop();
  {
    std::unique_lock lock(ended_mutex_);
    lost_ = !ended_changed_.wait_for(lock, longest_stop, [this] { return ended_; });
  }
  if (lost_) {
    thread_.detach();  // not banned: it hangs in a sink, and the process is to end
    return report_on_stderr("mamey.log: a log sink does not return, the last records are lost");
  }
  thread_.join();
  write_batches();  // what others put while the thread was ending
}

void log_system::put(const log_category& category, log_level level, std::string_view pattern,
                     std::span<const text_argument> arguments) noexcept {
  try {
    if (level >= log_level::off) return;
    log_record record;
    record.time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    record.level = level;
    record.category = category.name;
    record.pattern = pattern;
    record.values.reserve(arguments.size());
    for (const auto& argument : arguments) record.values.push_back(copy_value({}, argument));
    if (const auto provide = provider.load(std::memory_order_acquire)) {
      record.context.reserve(6);
      log_context context(record.context);
      provide(context);
    }
    if (!running_.load(std::memory_order_acquire)) return write_directly(record);
    const auto bytes = bytes_of(record);
    if (queue_.push(std::move(record), bytes)) return;
  } catch (...) {  // not banned: without memory for a log line the work goes on; the record counts as dropped
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

void log_system::write_directly(log_record& record) {
  if (record.level < log_level::warning) return;
  std::string line;
  {
    // Looked at again and again: the thread sanitizer of g++ 12 does not know a lock with a bound.
    std::unique_lock lock(sinks_mutex_, std::try_to_lock);
    for (const auto until = std::chrono::steady_clock::now() + longest_lock; !lock.owns_lock() && std::chrono::steady_clock::now() < until;
         (void)lock.try_lock())
      ::poll(nullptr, 0, 1);
    if (!policy_.complete(record)) return;
    if (lock.owns_lock()) {
      for (auto& target : added_) write_to(target, record);
    }
  }
  append_human_line(line, record);
  report_on_stderr(line);
}

void log_system::write_batches() {
  std::vector<log_record> records;
  for (bool more = true; more;) {
    more = queue_.take(records);
    for (auto& record : records) try_write(record);
    records.clear();
    report_drops();
    flush_sinks();
    queue_.done();
  }
}

void log_system::try_write(log_record& record) noexcept {
  try {
    write(record);
  } catch (const std::exception& failure) {  // no memory to render it
    dropped_.fetch_add(1, std::memory_order_relaxed);
    report_on_stderr(failure.what());
  }
}

void log_system::write(log_record& record) {
  std::lock_guard lock(sinks_mutex_);
  if (!policy_.complete(record)) return;
  for (auto* outputs : {&configured_, &added_}) {
    for (auto& target : *outputs) write_to(target, record);
  }
  written_.fetch_add(1, std::memory_order_relaxed);
}

void log_system::write_to(output& target, const log_record& record) noexcept {
  target.used = true;
  try {
    target.sink->write(record);
  } catch (...) {
    failed(target, describe_current_exception());
  }
}

void log_system::flush_sinks() noexcept {
  std::lock_guard lock(sinks_mutex_);
  for (auto* outputs : {&configured_, &added_}) {
    for (auto& target : *outputs) flush_sink(target);
  }
}

/// Only a whole batch that went through shows that the sink works again: between two failures a buffer may well take a line.
void log_system::flush_sink(output& target) noexcept {
  try {
    target.sink->flush();
    if (target.used && !target.failed && target.failures > 0) worked(target);
  } catch (...) {
    failed(target, describe_current_exception());
  }
  target.used = target.failed = false;
}

/// Each kind of failure is reported once while it lasts, and at most once per minute: a disk may be full many times per second.
void log_system::failed(output& target, const error_report& report) noexcept {
  sink_failures_.fetch_add(1, std::memory_order_relaxed);
  target.failed = true;
  ++target.failures;
  try {
    if (!target.kinds.insert(report.code).second) return;
    auto& last = target.told.try_emplace(report.code, clock::time_point::min()).first->second;
    if (last != clock::time_point::min() && clock::now() - last < between_complaints) return;
    last = clock::now();
    report_on_stderr("mamey.log: a log sink fails, records are missing there: " + report.detail);
  } catch (const std::bad_alloc&) {  // it is counted all the same
  }
}

void log_system::worked(output& target) {
  const auto failures = std::exchange(target.failures, 0);
  const bool was_told =
      std::ranges::any_of(target.kinds, [&](const auto& kind) { return clock::now() - target.told[kind] < between_complaints; });
  target.kinds.clear();
  if (was_told) report_on_stderr("mamey.log: a log sink works again after " + std::to_string(failures) + " failures");
}

void log_system::report_drops() noexcept {
  try {
    tell_of_drops();
  } catch (const std::bad_alloc&) {  // they stay counted
  }
}

void log_system::tell_of_drops() {
  static const auto& category = levels.find("mamey.log");
  const auto dropped = dropped_.load(std::memory_order_relaxed);
  const auto lost = dropped - std::exchange(reported_drops_, dropped);
  if (lost == 0 || category.minimum.load() > log_level::warning) return;
  log_record record{.time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()),
                    .level = log_level::warning,
                    .category = category.name,
                    .pattern = "{count} log records were dropped: they came faster than they could be written"};
  record.values.push_back(copy_value({}, lost));
  try_write(record);
}

void log_system::add_sink(std::shared_ptr<log_sink> sink) {
  std::lock_guard lock(sinks_mutex_);
  added_.push_back({std::move(sink)});
}

void log_system::remove_sink(const log_sink& sink) noexcept {
  std::lock_guard lock(sinks_mutex_);
  std::erase_if(added_, [&](const output& one) { return one.sink.get() == &sink; });
}

}  // namespace

detail::log_category& detail::find_log_category(std::string_view name) { return system().levels.find(name); }

void detail::write_log(const log_category& category, log_level level, std::string_view pattern,
                       std::span<const text_argument> arguments) noexcept {
  system().put(category, level, pattern, arguments);
}

namespace logging {

void configure(const log_options& options) { system().configure(options); }
bool flush(std::chrono::milliseconds limit) noexcept { return system().flush(limit); }
void stop() noexcept { system().stop(); }
void set_level(log_level level, std::string_view category) { system().levels.set(category, level); }

bool set_level(std::string_view level, std::string_view category) {
  const auto parsed = parse_log_level(level);
  if (parsed) set_level(*parsed, category);
  return parsed.has_value();
}

bool print(std::string_view text, std::chrono::milliseconds patience) noexcept {
  return write_bounded(STDOUT_FILENO, text, patience).error == 0;
}
bool announce(std::string_view text, std::chrono::milliseconds patience) noexcept {
  try {
    std::string line(text);
    if (system().console_format == log_format::json) {
      line.clear();
      append_json_line(line, {.time = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()),
                              .category = "mamey.host",
                              .pattern = std::string(text),
                              .message = std::string(text),
                              .values = {},
                              .context = {},
                              .tags = {}});
    }
    if (!line.ends_with('\n')) line += '\n';
    return print(line, patience);
  } catch (const std::exception&) {  // no memory
    return false;
  }
}
bool print_error(std::string_view text, std::chrono::milliseconds patience) noexcept {
  return write_bounded(STDERR_FILENO, text, patience).error == 0;
}

std::map<std::string, log_level> levels() { return system().levels.all(); }
void set_context_provider(log_context_provider provider) noexcept { system().provider.store(provider, std::memory_order_release); }
void add_sink(std::shared_ptr<log_sink> sink) { system().add_sink(std::move(sink)); }
void remove_sink(const log_sink& sink) noexcept { system().remove_sink(sink); }
log_statistics statistics() noexcept { return system().statistics(); }

}  // namespace logging
}  // namespace mamey::inline v1
