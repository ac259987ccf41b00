#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <mamey/core/error.hpp>
#include <mamey/observability/detail/log_sinks.hpp>
#include <mamey/observability/logging.hpp>

#include <unistd.h>

namespace {

using namespace std::chrono;
using mamey::log_interval;
using log_time = sys_time<microseconds>;

class log_file : public testing::Test {
 protected:
  log_file() {
    if (const char* given = std::getenv("MAMEY_TEST_LOG_DIRECTORY")) {  // in the process of a death test: its parent's
      directory = given;
      return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "mamey-log-XXXXXX").string();
    directory = mkdtemp(name.data());
  }
  ~log_file() override { std::filesystem::remove_all(directory); }

  mamey::log_file_options options(log_interval interval) const {
    return {.enabled = true, .path = (directory / "logs" / "logs.txt").string(), .interval = interval, .format = mamey::log_format::human};
  }
  static void write(mamey::log_sink& sink, log_time time, std::string message) {
    sink.write({.time = time, .category = "test", .message = std::move(message)});
    sink.flush();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory / "logs")) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string content(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(directory / "logs" / name).rdbuf();
    return text.str();
  }

  std::filesystem::path directory;
  log_time noon = sys_days{year(2026) / 1 / 31} + hours(12);
};

using names = std::vector<std::string>;

}  // namespace

TEST_F(log_file, each_day_has_its_own_file_named_by_the_date) {
  const auto sink = mamey::detail::make_file_sink(options(log_interval::day), noon);
  write(*sink, noon, "today");
  write(*sink, noon + hours(12), "tomorrow");
  write(*sink, noon + hours(13), "also tomorrow");
  EXPECT_EQ(files(), (names{"logs20260131.txt", "logs20260201.txt"}));
  EXPECT_NE(content("logs20260131.txt").find("today\n"), std::string::npos);
  EXPECT_NE(content("logs20260201.txt").find("also tomorrow\n"), std::string::npos);
}

TEST_F(log_file, intervals_from_a_minute_to_a_year_and_none_are_known) {
  for (const auto interval : {log_interval::infinite, log_interval::year, log_interval::month, log_interval::hour, log_interval::minute}) {
    mamey::detail::make_file_sink(options(interval), noon + minutes(7));
  }
  EXPECT_EQ(files(), (names{"logs.txt", "logs2026.txt", "logs202601.txt", "logs2026013112.txt", "logs202601311207.txt"}));
}

TEST_F(log_file, a_clock_set_back_writes_to_the_day_it_shows) {
  const auto sink = mamey::detail::make_file_sink(options(log_interval::day), noon);
  write(*sink, noon - days(1), "yesterday again");
  EXPECT_NE(content("logs20260130.txt").find("yesterday again"), std::string::npos);
}

TEST_F(log_file, a_full_file_is_followed_by_a_numbered_one) {
  auto limited = options(log_interval::day);
  limited.size_limit = 100;
  const auto sink = mamey::detail::make_file_sink(limited, noon);
  for (int i = 0; i < 3; ++i) write(*sink, noon, std::string(60, static_cast<char>('a' + i)));
  EXPECT_EQ(files(), (names{"logs20260131.txt", "logs20260131_001.txt", "logs20260131_002.txt"}));
}

TEST_F(log_file, after_a_restart_the_last_file_is_continued) {
  auto limited = options(log_interval::day);
  limited.size_limit = 100;
  for (int i = 0; i < 3; ++i) write(*mamey::detail::make_file_sink(limited, noon), noon, "start " + std::to_string(i));
  EXPECT_EQ(files(), (names{"logs20260131.txt", "logs20260131_001.txt"}));
  EXPECT_NE(content("logs20260131.txt").find("start 0"), std::string::npos);
  EXPECT_NE(content("logs20260131.txt").find("start 1"), std::string::npos);
}

TEST_F(log_file, only_the_newest_files_are_kept_and_strangers_are_left_alone) {
  auto few = options(log_interval::day);
  few.retained_files = 2;
  std::filesystem::create_directories(directory / "logs");
  std::ofstream(directory / "logs" / "logs-of-another-program.txt") << "mine";
  const auto sink = mamey::detail::make_file_sink(few, noon);
  for (int day = 0; day < 4; ++day) write(*sink, noon + days(day), "x");
  EXPECT_EQ(files(), (names{"logs-of-another-program.txt", "logs20260202.txt", "logs20260203.txt"}));
}

TEST_F(log_file, the_thousandth_file_is_newer_than_the_one_before) {
  auto limited = options(log_interval::day);
  limited.size_limit = 1;
  limited.retained_files = 3;
  std::filesystem::create_directories(directory / "logs");
  std::ofstream(directory / "logs" / "logs20260131_998.txt") << "full";
  const auto sink = mamey::detail::make_file_sink(limited, noon);
  for (int i = 0; i < 4; ++i) write(*sink, noon, "line " + std::to_string(i));
  EXPECT_EQ(files(), (names{"logs20260131_1000.txt", "logs20260131_1001.txt", "logs20260131_1002.txt"}));
  EXPECT_NE(content("logs20260131_1002.txt").find("line 3"), std::string::npos);
}

TEST_F(log_file, a_restart_goes_on_behind_the_last_when_the_first_ones_have_been_deleted) {
  auto limited = options(log_interval::day);
  limited.size_limit = 1;
  limited.retained_files = 2;
  for (int start = 0; start < 4; ++start) {
    const auto sink = mamey::detail::make_file_sink(limited, noon);
    for (int i = 0; i < 3; ++i) write(*sink, noon, "start " + std::to_string(start) + " line " + std::to_string(i));
    EXPECT_EQ(files().size(), 2U);
    EXPECT_NE(content(files().back()).find("start " + std::to_string(start) + " line 2"), std::string::npos) << files().back();
  }
}

TEST_F(log_file, the_file_being_written_is_never_deleted) {
  auto one = options(log_interval::day);
  one.retained_files = 1;
  std::filesystem::create_directories(directory / "logs");
  std::ofstream(directory / "logs" / "logs20270101.txt") << "from a clock that was ahead";
  const auto sink = mamey::detail::make_file_sink(one, noon);
  write(*sink, noon, "now");
  write(*sink, noon - days(1), "set back");
  EXPECT_EQ(files(), (names{"logs20260130.txt"}));
  EXPECT_NE(content("logs20260130.txt").find("set back"), std::string::npos);
}

TEST_F(log_file, files_of_another_interval_are_as_old_as_their_beginning) {
  auto hourly = options(log_interval::hour);
  hourly.retained_files = 3;
  std::filesystem::create_directories(directory / "logs");
  for (const auto* name : {"logs20260131.txt", "logs2026013023.txt", "logs202601311159.txt", "logs12345.txt", "logs20260131_1.txt"})
    std::ofstream(directory / "logs" / name) << "x";
  write(*mamey::detail::make_file_sink(hourly, noon), noon, "x");
  EXPECT_EQ(files(), (names{"logs12345.txt", "logs20260131.txt", "logs202601311159.txt", "logs2026013112.txt", "logs20260131_1.txt"}));
}

TEST_F(log_file, a_path_that_cannot_be_opened_is_reported_with_its_reason_and_tried_again) {
  std::ofstream(directory / "logs") << "in the way";
  const auto sink = mamey::detail::make_file_sink(options(log_interval::infinite), noon);
  try {
    write(*sink, noon, "lost");
    FAIL() << "must throw";
  } catch (const mamey::unavailable& refused) {
    EXPECT_EQ(refused.code(), "log_file");
    EXPECT_NE(refused.reason().find((directory / "logs" / "logs.txt").string() + ": its folder cannot be made: Not a directory"),
              std::string::npos)
        << refused.reason();
  }
  std::filesystem::remove(directory / "logs");
  const auto until = steady_clock::now() + seconds(30);
  for (bool written = false; !written && steady_clock::now() < until;) {
    try {
      write(*sink, noon, "kept");
      written = true;
    } catch (const mamey::unavailable&) {
      std::this_thread::yield();
    }
  }
  EXPECT_NE(content("logs.txt").find("kept"), std::string::npos);
  std::filesystem::create_directories(directory / "logs" / "taken.txt");
  auto folder = options(log_interval::infinite);
  folder.path = (directory / "logs" / "taken.txt").string();
  try {
    write(*mamey::detail::make_file_sink(folder, noon), noon, "lost");
    FAIL() << "must throw";
  } catch (const mamey::unavailable& refused) {
    EXPECT_NE(refused.reason().find("taken.txt: Is a directory"), std::string::npos) << refused.reason();
  }
}

TEST_F(log_file, a_service_starts_without_its_log_file_and_writes_to_the_other_sinks) {
  std::ofstream(directory / "logs") << "in the way";
  testing::internal::CaptureStderr();
  mamey::logging::configure({.console = {.enabled = false}, .file = options(log_interval::infinite)});
  for (int i = 0; i < 3; ++i) mamey::logger("test").info("a line");
  mamey::logging::stop();
  const auto told = testing::internal::GetCapturedStderr();
  const auto first = told.find("a log sink fails, records are missing there: cannot open the log file");
  EXPECT_NE(first, std::string::npos) << told;
  EXPECT_EQ(told.find("cannot open the log file", first + 80), std::string::npos) << "told once: " << told;
}

TEST_F(log_file, what_was_logged_is_in_the_file_when_the_program_just_ends) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  setenv("MAMEY_TEST_LOG_DIRECTORY", directory.c_str(), 1);  // the statement runs in a process of its own
  EXPECT_EXIT(
      {
        mamey::logging::configure({.console = {.enabled = false}, .file = options(log_interval::infinite)});
        mamey::logger("test").info("the last words");
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
  unsetenv("MAMEY_TEST_LOG_DIRECTORY");
  EXPECT_NE(content("logs.txt").find("the last words"), std::string::npos);
}
