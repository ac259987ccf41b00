#include <mamey/observability/detail/log_sinks.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <spdlog/formatter.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <mamey/core/ascii.hpp>
#include <mamey/core/error.hpp>
#include <mamey/observability/detail/bounded_write.hpp>
#include <mamey/observability/detail/log_render.hpp>

namespace mamey::inline v1::detail {

namespace {

using log_time = std::chrono::sys_time<std::chrono::microseconds>;

/// The line is finished when spdlog gets it.
class finished_line : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& target) override {
    target.append(message.payload.begin(), message.payload.end());
    target.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<finished_line>(*this); }
};

void render(std::string& line, log_format format, const log_record& record) {
  line.clear();
  format == log_format::json ? append_json_line(line, record) : append_human_line(line, record);
}

bool shows_colours(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb" && std::getenv("NO_COLOR") == nullptr;
}

std::string_view colour_of(log_level level) {
  constexpr std::string_view colours[] = {"\x1b[37m", "\x1b[36m", "\x1b[32m", "\x1b[33;1m", "\x1b[31;1m", "\x1b[41;1m", ""};
  return colours[static_cast<std::size_t>(level)];
}

/// Past stdio, whose writes cannot be given up, and which keeps a line that failed for the end of the process to fail on again.
class console_sink : public log_sink {
 public:
  console_sink(const log_console_options& options, int descriptor)
      : format_(options.format), colours_(format_ == log_format::human && shows_colours(descriptor)), descriptor_(descriptor) {}

  void write(const log_record& record) override {
    render(line_, format_, record);
    if (colours_) {
      line_.insert(human_level_end, "\x1b[m");
      line_.insert(human_level_begin, colour_of(record.level));
    }
    pending_.append(line_).push_back('\n');
    if (pending_.size() >= most_pending) flush();
  }

  void flush() override {
    if (pending_.empty()) return;
    if (cut_) pending_.insert(0, 1, '\n');  // what follows the half of a line is a line of its own
    const auto done = write_bounded(descriptor_, pending_, failing_ ? std::chrono::milliseconds(0) : patience);
    if (done.bytes > 0) cut_ = pending_[done.bytes - 1] != '\n';
    failing_ = done.error != 0;
    pending_.clear();
    if (done.error == ETIMEDOUT) throw unavailable("log_console_stuck", "nobody reads standard output");
    if (done.error != 0)
      throw unavailable("log_console", "cannot write to standard output: {reason}", std::generic_category().message(done.error));
  }

 private:
  static constexpr std::size_t most_pending = std::size_t{64} << 10;
  static constexpr std::chrono::milliseconds patience{1'000};

  log_format format_;
  bool colours_;
  int descriptor_;
  bool failing_ = false;  // nobody is waited for again before something has gone through
  bool cut_ = false;
  std::string line_;
  std::string pending_;
};

struct period {
  log_time begin = log_time::min();
  log_time end = log_time::max();
  std::string text;  // what stands in the file's name
};

period period_of(log_interval interval, log_time time) {
  using namespace std::chrono;
  if (interval == log_interval::infinite) return {};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  char text[32];
  const int year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month()), day_of_month = static_cast<unsigned>(date.day());
  switch (interval) {
    case log_interval::infinite:
      break;
    case log_interval::year: {
      std::snprintf(text, sizeof text, "%04d", year);
      return {sys_days(date.year() / January / 1), sys_days((date.year() + years(1)) / January / 1), text};
    }
    case log_interval::month: {
      const auto first = date.year() / date.month() / 1;
      std::snprintf(text, sizeof text, "%04d%02u", year, month);
      return {sys_days(first), sys_days(first + months(1)), text};
    }
    case log_interval::day: {
      std::snprintf(text, sizeof text, "%04d%02u%02u", year, month, day_of_month);
      return {day, day + days(1), text};
    }
    case log_interval::hour: {
      const auto begin = floor<hours>(time);
      std::snprintf(text, sizeof text, "%04d%02u%02u%02d", year, month, day_of_month, static_cast<int>((begin - day).count()));
      return {begin, begin + hours(1), text};
    }
    case log_interval::minute: {
      const auto begin = floor<minutes>(time);
      const auto minute = static_cast<int>((begin - day).count());
      std::snprintf(text, sizeof text, "%04d%02u%02u%02d%02d", year, month, day_of_month, minute / 60, minute % 60);
      return {begin, begin + minutes(1), text};
    }
  }
  return {};
}

class rolling_file : public log_sink {
 public:
  /// A file that cannot be opened now is tried again with the records, and each failure is the writer's to report: a service without its
  /// log file serves.
  rolling_file(const log_file_options& options, log_time now) : options_(options), path_(options.path) {
    try {
      open_period(now);
    } catch (const unavailable&) {
      file_.reset();
    }
  }

  void write(const log_record& record) override {
    render(line_, options_.format, record);
    if (!file_ || record.time < period_.begin || record.time >= period_.end) {
      reopen([&] { open_period(record.time); });
    } else if (size_ > 0 && is_full(size_ + line_.size())) {
      reopen([&] { open_file(sequence_ + 1); });
    }
    file_->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, line_));
    size_ += line_.size() + 1;
  }

  void flush() override {
    if (file_) file_->flush();
  }

 private:
  bool is_full(std::uint64_t size) const { return options_.size_limit != 0 && size > options_.size_limit; }

  /// After a failure (disk full, directory gone) tries once per second: opening is slow when it fails.
  template <class Open>
  void reopen(Open open) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_try_) throw unavailable("log_file", "the log file {path} is not open", path_.native());
    next_try_ = now + std::chrono::seconds(1);
    open();
    next_try_ = {};
  }

  /// After a restart the period's last file is continued, unless it is full.
  void open_period(log_time time) {
    period_ = period_of(options_.interval, time);
    unsigned last = 0;
    for (const auto& each : files()) {
      if (each.period == period_.text) last = std::max(last, each.sequence);
    }
    open_file(is_full(size_of(name_of_file(last)) + 1) ? last + 1 : last);
  }

  void open_file(unsigned sequence) {
    const auto name = name_of_file(sequence);
    file_.reset();
    if (const auto reason = reason_not_to_open(name); !reason.empty())
      throw unavailable("log_file", "cannot open the log file {path}: {reason}", name.native(), reason);
    try {
      file_.emplace(name.native());
    } catch (const spdlog::spdlog_ex& failure) {
      throw unavailable("log_file", "cannot open the log file {path}: {reason}", name.native(), failure.what());
    }
    file_->set_formatter(std::make_unique<finished_line>());
    sequence_ = sequence;
    size_ = size_of(name);
    delete_old_files();
  }

  /// spdlog tells of the last of its tries, which is seldom the reason: where a folder may not be made, it says that there is none.
  static std::string reason_not_to_open(const std::filesystem::path& file) {
    std::error_code failure;
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), failure);
    if (failure) return "its folder cannot be made: " + failure.message();
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) return std::generic_category().message(errno);
    ::close(descriptor);
    return {};
  }

  static std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(file, missing);
    return missing ? 0 : size;
  }

  std::filesystem::path directory() const { return path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."); }

  std::filesystem::path name_of_file(unsigned sequence) const {
    char suffix[16] = "";
    if (sequence != 0) std::snprintf(suffix, sizeof suffix, "_%03u", sequence);
    return path_.parent_path() / (path_.stem().native() + period_.text + suffix + path_.extension().native());
  }

  /// A file of this log: `logs20260131_012.txt` is number 12 of the period `20260131`.
  struct rolled_file {
    std::filesystem::path path;
    std::string period;
    unsigned sequence = 0;

    /// In the order of their beginnings, whatever interval each was written with: a day begins with its first hour. As texts `_1000` is
    /// before `_999`.
    auto age() const {
      auto begin = period;
      begin.resize(longest_period, '0');
      return std::tuple(std::move(begin), period.size(), sequence);
    }
  };

  std::vector<rolled_file> files() const {
    std::vector<rolled_file> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory(), ignored)) {
      if (auto ours = as_ours(entry.path())) found.push_back(*std::move(ours));
    }
    return found;
  }

  /// The one being written is the newest by definition: a clock that was set back, or another interval, makes others look newer.
  void delete_old_files() const {
    if (options_.retained_files == 0) return;
    auto others = files();
    std::erase_if(others, [this](const rolled_file& each) { return each.period == period_.text && each.sequence == sequence_; });
    if (others.size() < options_.retained_files) return;
    std::ranges::sort(others, {}, &rolled_file::age);
    others.resize(others.size() - (options_.retained_files - 1));
    std::error_code ignored;
    for (const auto& each : others) std::filesystem::remove(each.path, ignored);
  }

  /// Empty when the file is not one of this log.
  std::optional<rolled_file> as_ours(const std::filesystem::path& file) const {
    const auto stem = path_.stem().native(), extension = path_.extension().native(), name = file.filename().native();
    if (name.size() < stem.size() + extension.size() || !name.starts_with(stem) || !name.ends_with(extension)) return std::nullopt;
    const auto middle = std::string_view(name).substr(stem.size(), name.size() - stem.size() - extension.size());
    const auto digits = [](std::string_view text) { return std::ranges::all_of(text, [](char c) { return is_ascii_digit(c); }); };
    const auto line = middle.find('_');
    rolled_file found{.path = file, .period = std::string(middle.substr(0, line))};
    constexpr std::string_view lengths{"\0\4\6\x8\xa\xc", 6};  // none, year, month, day, hour, minute
    if (!digits(found.period) || lengths.find(static_cast<char>(found.period.size())) == std::string_view::npos) return std::nullopt;
    if (line == std::string_view::npos) return found;
    const auto number = middle.substr(line + 1);
    const auto [end, wrong] = std::from_chars(number.data(), number.data() + number.size(), found.sequence);
    if (wrong != std::errc() || end != number.data() + number.size() || number.size() < 3 || found.sequence == 0) return std::nullopt;
    return found;
  }

  static constexpr std::size_t longest_period = 12;

  log_file_options options_;
  std::filesystem::path path_;
  period period_;
  unsigned sequence_ = 0;
  std::uint64_t size_ = 0;
  std::optional<spdlog::sinks::basic_file_sink_st> file_;
  std::chrono::steady_clock::time_point next_try_{};
  std::string line_;
};

}  // namespace

std::shared_ptr<log_sink> make_console_sink(const log_console_options& options, int descriptor) {
  return std::make_shared<console_sink>(options, descriptor);
}

std::shared_ptr<log_sink> make_file_sink(const log_file_options& options, log_time now) {
  return std::make_shared<rolling_file>(options, now);
}

}  // namespace mamey::inline v1::detail
