#include <mamey/observability/detail/log_sinks.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <spdlog/formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <mamey/core/error.hpp>
#include <mamey/observability/detail/log_render.hpp>

namespace mamey::inline v1::detail {

namespace {

using log_time = std::chrono::sys_time<std::chrono::microseconds>;

/// The line is finished when spdlog gets it; only the place of the colour is still to be told.
class finished_line : public spdlog::formatter {
 public:
  explicit finished_line(log_format format) : format_(format) {}
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& target) override {
    target.append(message.payload.begin(), message.payload.end());
    target.push_back('\n');
    message.color_range_start = format_ == log_format::human ? human_level_begin : 0;
    message.color_range_end = format_ == log_format::human ? human_level_end : 0;
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<finished_line>(*this); }

 private:
  log_format format_;
};

spdlog::level::level_enum spdlog_level(log_level level) {
  using namespace spdlog::level;
  constexpr level_enum levels[] = {trace, debug, info, warn, err, critical, off};
  return levels[static_cast<std::size_t>(level)];
}

void render(std::string& line, log_format format, const log_record& record) {
  line.clear();
  format == log_format::json ? append_json_line(line, record) : append_human_line(line, record);
}

void pass(spdlog::sinks::sink& sink, const log_record& record, const std::string& line) {
  sink.log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog_level(record.level), line));
}

class console_sink : public log_sink {
 public:
  explicit console_sink(const log_console_options& options) : format_(options.format) {
    sink_.set_formatter(std::make_unique<finished_line>(format_));
    if (format_ == log_format::json) sink_.set_color_mode(spdlog::color_mode::never);
  }
  void write(const log_record& record) override {
    render(line_, format_, record);
    pass(sink_, record, line_);
  }
  void flush() override { sink_.flush(); }

 private:
  log_format format_;
  spdlog::sinks::stdout_color_sink_st sink_;
  std::string line_;
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
  rolling_file(const log_file_options& options, log_time now) : options_(options), path_(options.path) { open_period(now); }

  void write(const log_record& record) override {
    render(line_, options_.format, record);
    if (!file_ || record.time < period_.begin || record.time >= period_.end) {
      reopen([&] { open_period(record.time); });
    } else if (is_full(size_ + line_.size())) {
      reopen([&] { open_file(sequence_ + 1); });
    }
    pass(*file_, record, line_);
    size_ += line_.size() + 1;
  }

  void flush() override {
    if (file_) file_->flush();
  }

 private:
  bool is_full(std::uint64_t size) const { return options_.size_limit != 0 && size > options_.size_limit; }

  /// After a failure (disk full, directory gone) tries once a second: opening is slow when it fails.
  template <class Open>
  void reopen(Open open) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_try_) throw unavailable("log_file", "the log file {path} is not open", path_.native());
    next_try_ = now + std::chrono::seconds(1);
    open();
    next_try_ = {};
  }

  void open_period(log_time time) {
    period_ = period_of(options_.interval, time);
    unsigned sequence = 0;
    std::error_code missing;
    // After a restart the period's last file is continued, unless it is full.
    while (std::filesystem::exists(name_of_file(sequence), missing) &&
           is_full(std::filesystem::file_size(name_of_file(sequence), missing) + 1))
      ++sequence;
    open_file(sequence);
  }

  void open_file(unsigned sequence) {
    const auto name = name_of_file(sequence);
    file_.reset();
    try {
      file_.emplace(name.native());
    } catch (const spdlog::spdlog_ex& failure) {
      throw unavailable("log_file", "cannot open the log file {path}: {reason}", name.native(), failure.what());
    }
    file_->set_formatter(std::make_unique<finished_line>(options_.format));
    sequence_ = sequence;
    std::error_code ignored;
    size_ = std::filesystem::file_size(name, ignored);
    delete_old_files();
  }

  std::filesystem::path name_of_file(unsigned sequence) const {
    char suffix[16] = "";
    if (sequence != 0) std::snprintf(suffix, sizeof suffix, "_%03u", sequence);
    return path_.parent_path() / (path_.stem().native() + period_.text + suffix + path_.extension().native());
  }

  void delete_old_files() const {
    if (options_.retained_files == 0) return;
    std::vector<std::string> ours;
    std::error_code ignored;
    const auto directory = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
      if (auto middle = middle_of(entry.path().filename().native())) ours.push_back(*std::move(middle));
    }
    if (ours.size() <= options_.retained_files) return;
    std::sort(ours.begin(), ours.end());
    ours.resize(ours.size() - options_.retained_files);
    for (const auto& middle : ours)
      std::filesystem::remove(directory / (path_.stem().native() + middle + path_.extension().native()), ignored);
  }

  /// `20260131_001` of `logs20260131_001.txt`; empty when the file is not one of this log.
  std::optional<std::string> middle_of(const std::string& name) const {
    const auto stem = path_.stem().native(), extension = path_.extension().native();
    if (name.size() < stem.size() + extension.size() || !name.starts_with(stem) || !name.ends_with(extension)) return std::nullopt;
    auto middle = name.substr(stem.size(), name.size() - stem.size() - extension.size());
    const bool is_ours = std::all_of(middle.begin(), middle.end(), [](unsigned char c) { return std::isdigit(c) != 0 || c == '_'; });
    return is_ours ? std::optional(std::move(middle)) : std::nullopt;
  }

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

std::shared_ptr<log_sink> make_console_sink(const log_console_options& options) { return std::make_shared<console_sink>(options); }

std::shared_ptr<log_sink> make_file_sink(const log_file_options& options, log_time now) {
  return std::make_shared<rolling_file>(options, now);
}

}  // namespace mamey::inline v1::detail
