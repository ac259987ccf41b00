/// Standard output that takes nothing, or that nobody reads.

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <mamey/core/error.hpp>
#include <mamey/observability/detail/log_sinks.hpp>
#include <mamey/observability/logging.hpp>

namespace {

/// A pipe with a reader that does not read.
struct full_pipe {
  full_pipe() {
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const std::string page(4096, 'x');
    while (::write(ends[1], page.data(), page.size()) > 0) {}
    ::fcntl(ends[1], F_SETFL, 0);  // as a process has it: writes block
  }
  ~full_pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  std::string drain() const {
    std::string all(1 << 20, '\0');
    std::size_t size = 0;
    for (ssize_t count = 0; (count = ::read(ends[0], all.data() + size, all.size() - size)) > 0;) size += static_cast<std::size_t>(count);
    all.resize(size);
    return all;
  }
  int ends[2] = {-1, -1};
};

const mamey::logger orders{"test.orders"};

mamey::log_record line(std::string text) {
  return {.time = std::chrono::sys_days{std::chrono::year(2026) / 1 / 31},
          .level = mamey::log_level::warning,
          .category = "orders",
          .message = std::move(text)};
}

}  // namespace

TEST(log_console, a_reader_that_stopped_reading_is_waited_for_once_and_hears_whole_lines_when_it_is_back) {
  const full_pipe pipe;
  const auto sink = mamey::detail::make_console_sink({}, pipe.ends[1]);
  const auto flush = [&](std::string text) {
    sink->write(line(std::move(text)));
    sink->flush();
  };
  EXPECT_THROW(flush("lost one"), mamey::unavailable);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_THROW(flush("lost more"), mamey::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30)) << "not a second for each";
  pipe.drain();
  flush("heard again");
  EXPECT_TRUE(pipe.drain().ends_with("heard again\n"));
}

TEST(log_console, half_a_line_is_not_continued_by_another) {
  const full_pipe pipe;
  pipe.drain();
  const auto sink = mamey::detail::make_console_sink({}, pipe.ends[1]);
  EXPECT_THROW(sink->write(line(std::string(1 << 20, 'a'))), mamey::unavailable);  // more than a pipe holds, and than is kept
  EXPECT_TRUE(pipe.drain().ends_with("a"));
  sink->write(line("next"));
  sink->flush();
  const auto rest = pipe.drain();
  EXPECT_TRUE(rest.starts_with("\n2026-")) << rest;
  EXPECT_TRUE(rest.ends_with("next\n")) << rest;
}

TEST(log_console, a_standard_output_that_takes_nothing_is_a_failure) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  const auto sink = mamey::detail::make_console_sink({}, full);
  sink->write(line("x"));
  try {
    sink->flush();
    ADD_FAILURE() << "must throw";
  } catch (const mamey::unavailable& told) {
    EXPECT_NE(told.reason().find("No space left"), std::string::npos) << told.reason();
  }
  ::close(full);
}

TEST(log_console, the_last_words_to_a_reader_that_does_not_read_are_bounded) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the thread sanitizer's own exit waits for the thread that is lost in its write";
#endif
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static const full_pipe pipe;
        ::dup2(pipe.ends[1], STDOUT_FILENO);
        mamey::logging::configure({});
        for (int i = 0; i < 20'000; ++i) orders.warning("line {i} of many", i);
        const auto begin = std::chrono::steady_clock::now();
        mamey::logging::print("a line past the log\n", std::chrono::milliseconds(10));
        mamey::logging::stop();
        ::_exit(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30) && mamey::logging::statistics().sink_failures > 0 ? 7
                                                                                                                                      : 8);
      },
      testing::ExitedWithCode(7), "nobody reads standard output");
}

TEST(log_console, what_is_announced_is_plain_or_a_record_in_json_as_the_console_is) {
  mamey::log_options options;
  options.level = mamey::log_level::fatal;
  const auto announced = [&](mamey::log_format format) {
    options.console = {.enabled = false, .format = format};
    mamey::logging::configure(options);
    testing::internal::CaptureStdout();
    EXPECT_TRUE(mamey::logging::announce("orders listens on http://127.0.0.1:5000"));
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_EQ(announced(mamey::log_format::human), "orders listens on http://127.0.0.1:5000\n");
  const auto json = announced(mamey::log_format::json);
  EXPECT_TRUE(json.starts_with('{') && json.ends_with("}\n")) << json;
  EXPECT_NE(json.find("\"orders listens on http://127.0.0.1:5000\""), std::string::npos) << json;
  mamey::logging::stop();
}
