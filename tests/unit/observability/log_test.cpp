#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>

#include <gtest/gtest.h>
#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/observability/detail/log_render.hpp>
#include <mamey/observability/logging.hpp>

#include "log_capture.hpp"

using mamey::log_level;
using mamey::log_record;
using mamey::log_value;

namespace {

const mamey::logger orders{"test.orders"};
const mamey::logger relay{"test.outbox.relay"};

std::string json_of(const log_record& record) {
  std::string line;
  mamey::detail::append_json_line(line, record);
  return line;
}

std::string human_of(const log_record& record) {
  std::string line;
  mamey::detail::append_human_line(line, record);
  return line;
}

log_record record_at_noon(std::string message) {
  return {.time = std::chrono::sys_days{std::chrono::year(2026) / 1 / 31} + std::chrono::hours(12) + std::chrono::microseconds(1'500),
          .level = log_level::warning,
          .category = "orders",
          .pattern = message,
          .message = message};
}

template <class T>
T value_of(const log_record& record, std::string_view name) {
  for (const auto& value : record.values) {
    if (value.name == name && std::holds_alternative<T>(value.value)) return std::get<T>(value.value);
  }
  ADD_FAILURE() << "no value " << name << " of that type";
  return {};
}

}  // namespace

TEST(log, a_record_keeps_its_values_under_the_names_of_the_holes) {
  const log_capture log;
  orders.info("order {order_id} has {lines} lines, paid: {paid}, weight {weight} kg", "o-1", 3, true, 2.5);
  const auto record = log.only();
  EXPECT_EQ(record.message, "order o-1 has 3 lines, paid: true, weight 2.5 kg");
  EXPECT_EQ(record.pattern, "order {order_id} has {lines} lines, paid: {paid}, weight {weight} kg");
  EXPECT_EQ(record.category, "test.orders");
  EXPECT_EQ(record.level, log_level::information);
  EXPECT_EQ(value_of<std::string>(record, "order_id"), "o-1");
  EXPECT_EQ(value_of<std::int64_t>(record, "lines"), 3);
  EXPECT_TRUE(value_of<bool>(record, "paid"));
  EXPECT_EQ(value_of<double>(record, "weight"), 2.5);
}

TEST(log, values_of_the_framework_and_exceptions_are_written_as_text) {
  const log_capture log;
  const mamey::uuid id = mamey::uuid::v7();
  orders.error("order {order_id}: {error}", id, std::runtime_error("disk full"));
  const auto record = log.only();
  EXPECT_EQ(record.message, "order " + to_string(id) + ": disk full");
  EXPECT_EQ(value_of<std::string>(record, "error"), "disk full");
}

TEST(log, a_callable_argument_is_called_only_when_its_record_is_written) {
  const log_capture log;
  int calls = 0;
  const auto dump = [&] { return "dump " + std::to_string(++calls); };
  orders.debug("state: {state}", dump);
  EXPECT_EQ(calls, 0);
  orders.info("state: {state}", dump);
  EXPECT_EQ(log.only().message, "state: dump 1");
}

TEST(log, doubled_braces_are_braces_and_a_broken_hole_is_text) {
  const log_capture log;
  orders.info("{{literal}} {name}", "value");
  orders.write(log_level::information, "ends } in {", {});
  const mamey::text_argument spare[] = {1, 2};
  orders.write(log_level::information, "{first} and {missing", spare);
  orders.write(log_level::information, "{unfilled}", {});
  const auto records = log.records();
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].message, "{literal} value");
  EXPECT_EQ(records[1].message, "ends } in {");
  EXPECT_EQ(records[2].message, "1 and {missing");
  EXPECT_EQ(value_of<std::int64_t>(records[2], "1"), 2) << "an argument without a hole is named by its position";
  EXPECT_EQ(records[3].message, "{unfilled}");
}

TEST(log, what_is_below_the_level_is_not_written) {
  const log_capture log({.level = log_level::warning});
  orders.info("too little");
  orders.warning("enough");
  EXPECT_EQ(log.only().message, "enough");
  EXPECT_FALSE(orders.enabled(log_level::information));
}

TEST(log, the_longest_override_that_is_above_a_category_sets_its_level) {
  const log_capture log(
      {.level = log_level::warning,
       .minimum_level_overrides = {{"Test", log_level::information}, {"test.outbox", log_level::debug}, {"test.out", log_level::off}}});
  EXPECT_TRUE(orders.enabled(log_level::information)) << "prefixes match in any case";
  EXPECT_FALSE(orders.enabled(log_level::debug));
  EXPECT_TRUE(relay.enabled(log_level::debug));
  EXPECT_FALSE(relay.enabled(log_level::verbose));
  EXPECT_FALSE(mamey::logger("other").enabled(log_level::information)) << "a logger made later has its level too";
  EXPECT_TRUE(mamey::logger("testing").enabled(log_level::warning)) << "a prefix ends at a dot";
}

TEST(log, the_newer_name_of_the_overrides_wins) {
  const log_capture log({.minimum_level_overrides = {{"test", log_level::error}}, .overrides = {{"test", log_level::debug}}});
  EXPECT_TRUE(orders.enabled(log_level::debug));
}

TEST(log, levels_change_while_the_program_runs) {
  const log_capture log;
  EXPECT_TRUE(mamey::logging::set_level("Debug", "test.outbox"));
  EXPECT_TRUE(relay.enabled(log_level::debug));
  EXPECT_FALSE(orders.enabled(log_level::debug));
  EXPECT_TRUE(mamey::logging::set_level("warn"));
  EXPECT_FALSE(orders.enabled(log_level::information));
  EXPECT_TRUE(relay.enabled(log_level::debug)) << "the override stands";
  EXPECT_TRUE(mamey::logging::set_level("error", "TEST.Outbox"));
  EXPECT_EQ(mamey::logging::levels().size(), 2U) << "an override is replaced, whatever its case";
  EXPECT_FALSE(mamey::logging::set_level("loud"));
  EXPECT_FALSE(orders.enabled(log_level::information));
}

TEST(log, the_context_of_the_moment_is_on_the_record) {
  const log_capture log;
  mamey::logging::set_context_provider([](mamey::log_context& context) {
    context.add("service", "orders");
    context.add("correlationId", "c-1");
  });
  orders.info("hello");
  const auto record = log.only();
  ASSERT_EQ(record.context.size(), 2U);
  EXPECT_EQ(record.context[1].name, "correlationId");
  EXPECT_EQ(std::get<std::string>(record.context[1].value), "c-1");
}

TEST(log, secrets_are_masked_in_the_text_and_in_the_values) {
  const log_capture log({.tags = {{"api-key", "k"}}, .redact = {"iban"}});
  mamey::logging::set_context_provider([](mamey::log_context& context) { context.add("accessToken", "t0p"); });
  orders.info("{user} logs in with {Password}, pays from {customer_iban}", "eve", "hunter2", "DE00");
  const auto record = log.only();
  EXPECT_EQ(record.message, "eve logs in with ***, pays from ***");
  const auto json = json_of(record);
  for (const auto* secret : {"hunter2", "DE00", "t0p", "\"k\""}) EXPECT_EQ(json.find(secret), std::string::npos) << json;
}

TEST(log, excluded_paths_and_properties_drop_their_records) {
  const log_capture log({.exclude_paths = {"/ping", "/metrics"}, .exclude_properties = {"HealthCheck"}});
  orders.info("{request_path} answered", "/orders/ping");
  orders.info("{request_path} answered", "/orders/1");
  orders.info("{path} is no request's path", "/ping");
  orders.info("probe {health_check}", "sqlite");
  const auto records = log.records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].message, "/orders/1 answered");
  EXPECT_EQ(records[1].message, "/ping is no request's path");
}

TEST(log, tags_are_on_every_json_line) {
  const log_capture log({.tags = {{"environment", "production"}}});
  orders.info("hello");
  EXPECT_NE(json_of(log.only()).find(R"("environment":"production")"), std::string::npos);
}

TEST(log, a_json_line_has_typed_values_and_each_name_once) {
  auto record = record_at_noon("said \"hi\"\n\xff");
  record.values = {{"count", std::int64_t{-1}},
                   {"big", ~std::uint64_t{0}},
                   {"ratio", 0.5},
                   {"on", true},
                   {"count", std::int64_t{2}},
                   {"nan", std::numeric_limits<double>::quiet_NaN()}};
  record.context = {{"service", std::string("orders")}, {"level", std::string("forged")}};
  EXPECT_EQ(json_of(record), R"({"time":"2026-01-31T12:00:00.001500Z","level":"warning","category":"orders","message":"said \"hi\"\n)"
                             "\xef\xbf\xbd"
                             R"(","template":"said \"hi\"\n)"
                             "\xef\xbf\xbd"
                             R"(","service":"orders","values":{"count":-1,"big":18446744073709551615,"ratio":0.5,"on":true,"nan":"NaN"}})");
}

TEST(log, a_human_line_cannot_be_forged_by_a_value) {
  auto record = record_at_noon("login of eve\n2026-01-31 12:00:00.000 INF root: all is well\x1b[2J");
  record.context = {{"service", std::string("orders")}, {"traceId", std::string("t")}, {"correlationId", std::string("c-1")}};
  EXPECT_EQ(human_of(record),
            "2026-01-31 12:00:00.001 WRN [orders] orders: login of eve\\n2026-01-31 12:00:00.000 INF root: all is well\\x1b[2J  "
            "correlationId=c-1");
  EXPECT_EQ(human_of(record).substr(mamey::detail::human_level_begin, mamey::detail::human_level_end - mamey::detail::human_level_begin),
            "WRN");
}

TEST(log, a_human_line_shows_no_control_of_any_alphabet_and_no_broken_text) {
  const auto shown = [](std::string text) {
    const auto line = human_of(record_at_noon(std::move(text)));
    return line.substr(line.find("orders: ") + 8);
  };
  EXPECT_EQ(shown("a\xc2\x9b"
                  "31m"),
            "a\\u009b31m")
      << "C1: what ESC [ is in one character";
  EXPECT_EQ(shown("a\x7f\x01"), "a\\x7f\\x01");
  EXPECT_EQ(shown("\xe2\x80\xae"
                  "cod.exe\xe2\x81\xa9"),
            "\\u202ecod.exe\\u2069")
      << "bidi controls";
  EXPECT_EQ(shown("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f"), "\\u061c\\u200e\\u200f");
  EXPECT_EQ(shown("one\xe2\x80\xa8two\xe2\x80\xa9"), "one\\u2028two\\u2029") << "line and paragraph separators";
  EXPECT_EQ(shown("\xff\xc3(\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80") << "no UTF-8";
  EXPECT_EQ(shown("Żółw \xf0\x9f\x90\xa2 日本"), "Żółw \xf0\x9f\x90\xa2 日本");
}

TEST(log, an_endless_text_is_cut) {
  const log_capture log;
  orders.info("body: {body}", std::string(1 << 20, 'x'));
  const auto message = log.only().message;
  EXPECT_LT(message.size(), 17U * 1024);
  EXPECT_TRUE(message.ends_with("(cut)"));
}

TEST(log, a_full_queue_drops_and_counts_and_keeps_room_for_warnings) {
  struct blocking_sink : mamey::log_sink {
    std::promise<void> entered, release;
    std::atomic<bool> first{true};
    void write(const log_record&) override {
      if (!first.exchange(false)) return;
      entered.set_value();
      release.get_future().wait();
    }
  };
  const auto blocked = std::make_shared<blocking_sink>();
  mamey::logging::add_sink(blocked);
  const auto before = mamey::logging::statistics().dropped;
  {
    const log_capture log({.queue = 100});
    orders.info("holds the writer");
    blocked->entered.get_future().wait();
    for (int i = 0; i < 110; ++i) orders.info("flood {i}", i);
    for (int i = 0; i < 15; ++i) orders.warning("matters {i}", i);
    EXPECT_EQ(mamey::logging::statistics().dropped - before, 20U + 5U);
    EXPECT_FALSE(mamey::logging::flush(std::chrono::milliseconds(1))) << "the writer is held";
    blocked->release.set_value();
    const auto records = log.records();
    ASSERT_EQ(records.size(), 1U + 90 + 10 + 1);
    const auto report = std::ranges::find(records, "mamey.log", &log_record::category);
    ASSERT_NE(report, records.end()) << "the log itself says what is missing";
    EXPECT_EQ(value_of<std::uint64_t>(*report, "count"), 25U);
  }
  mamey::logging::remove_sink(*blocked);
}

TEST(log, a_sink_that_throws_harms_nobody) {
  struct throwing_sink : mamey::log_sink {
    void write(const log_record&) override { throw std::runtime_error("no space left"); }
    void flush() override { throw 42; }
  };
  const auto throwing = std::make_shared<throwing_sink>();
  mamey::logging::add_sink(throwing);
  const auto before = mamey::logging::statistics().sink_failures;
  testing::internal::CaptureStderr();
  {
    const log_capture log;
    orders.info("one");
    orders.info("two");
    EXPECT_EQ(log.records().size(), 2U);
    EXPECT_GE(mamey::logging::statistics().sink_failures - before, 3U);
  }
  mamey::logging::remove_sink(*throwing);
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("no space left"), std::string::npos);
  EXPECT_EQ(said.find("sink fails"), said.rfind("sink fails")) << "said once, not for every record: " << said;
}

TEST(log, a_sink_that_fails_now_and_then_is_told_of_once_and_each_kind_for_itself) {
  struct flaky_sink : mamey::log_sink {
    std::atomic<int> writes{0};
    void write(const log_record&) override { ++writes; }  // into a buffer: it seems to work
    void flush() override {
      if (writes.exchange(0) == 0) return;
      if (++flushes % 10 == 9) throw mamey::unavailable("other", "another reason");
      throw mamey::unavailable("full", "no space left");
    }
    int flushes = 0;
  };
  const auto flaky = std::make_shared<flaky_sink>();
  mamey::logging::add_sink(flaky);
  const auto before = mamey::logging::statistics().sink_failures;
  testing::internal::CaptureStderr();
  {
    const log_capture log;
    for (int i = 0; i < 40; ++i) {
      orders.info("line {i}", i);
      mamey::logging::flush();
    }
  }
  mamey::logging::remove_sink(*flaky);
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_GE(mamey::logging::statistics().sink_failures - before, 40U);
  EXPECT_EQ(std::ranges::count(said, '\n'), 2) << said;
  EXPECT_NE(said.find("no space left"), std::string::npos) << said;
  EXPECT_NE(said.find("another reason"), std::string::npos) << said;
}

TEST(log, a_sink_that_hangs_does_not_keep_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  struct hanging_sink : mamey::log_sink {
    void write(const log_record&) override { std::promise<void>().get_future().wait(); }
  };
  EXPECT_EXIT(
      {
        mamey::logging::add_sink(std::make_shared<hanging_sink>());
        mamey::logging::configure({.console = {.enabled = false}});
        orders.warning("goes nowhere");
        mamey::logging::stop();
        orders.warning("said all the same");
        std::exit(7);
      },
      testing::ExitedWithCode(7), "a log sink does not return(.|\n)*said all the same");
}

TEST(log, what_an_argument_throws_reaches_the_caller_and_the_log_lives_on) {
  const log_capture log;
  EXPECT_THROW(orders.info("{x}", []() -> int { throw std::domain_error("no x"); }), std::domain_error);
  orders.info("after");
  EXPECT_EQ(log.only().message, "after");
}

TEST(log, records_of_many_threads_all_arrive_each_threads_in_order) {
  const log_capture log;
  constexpr int threads = 4, each = 500;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([t] {
        for (int i = 0; i < each; ++i) orders.info("{thread} {i}", t, i);
      });
    }
  }
  std::array<std::int64_t, threads> next{};
  for (const auto& record : log.records()) {
    auto& expected = next[static_cast<std::size_t>(value_of<std::int64_t>(record, "thread"))];
    EXPECT_EQ(value_of<std::int64_t>(record, "i"), expected++);
  }
  for (const auto count : next) EXPECT_EQ(count, each);
}

TEST(log, without_a_configuration_warnings_go_to_stderr_at_once) {
  testing::internal::CaptureStderr();
  relay.warning("cannot reach {broker}", "rabbit");
  relay.info("nobody asked");
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("WRN test.outbox.relay: cannot reach rabbit\n"), std::string::npos) << said;
  EXPECT_EQ(said.find("nobody asked"), std::string::npos);
}

TEST(log, the_console_writes_lines_without_colours_into_a_pipe) {
  testing::internal::CaptureStdout();
  mamey::logging::configure({});
  orders.info("order {order_id} placed", "o-1");
  mamey::logging::configure({.console = {.format = mamey::log_format::json}});
  orders.info("order {order_id} placed", "o-2");
  mamey::logging::stop();
  std::fflush(stdout);
  const auto said = testing::internal::GetCapturedStdout();
  EXPECT_NE(said.find("INF test.orders: order o-"), std::string::npos) << said;
  EXPECT_NE(said.find(R"("values":{"order_id":"o-2"}})"
                      "\n"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find('\x1b'), std::string::npos);
}

TEST(log, level_names_of_the_reference_and_their_common_aliases_are_read) {
  using mamey::parse_log_level;
  EXPECT_EQ(parse_log_level("Information"), log_level::information);
  EXPECT_EQ(parse_log_level("WARN"), log_level::warning);
  EXPECT_EQ(parse_log_level("trace"), log_level::verbose);
  EXPECT_EQ(parse_log_level("critical"), log_level::fatal);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
  EXPECT_EQ(mamey::name_of(log_level::fatal), "fatal");
}

TEST(log, the_section_of_a_reference_service_binds_to_the_options) {
  const auto options = mamey::json::parse<mamey::log_options>(R"({
      "level": "debug",
      "excludePaths": ["/", "/ping"],
      "excludeProperties": ["api_key", "ApiKey"],
      "console": {"enabled": true},
      "elk": {"enabled": false, "url": "http://localhost:9200"},
      "file": {"enabled": true, "path": "logs/logs.txt", "interval": "Hour"},
      "minimumLevelOverrides": {"Microsoft": "Warning"},
      "tags": {"env": "docker"}})");
  EXPECT_EQ(options.level, log_level::debug);
  EXPECT_EQ(options.exclude_paths.size(), 2U);
  EXPECT_EQ(options.file.interval, mamey::log_interval::hour);
  EXPECT_EQ(options.minimum_level_overrides.at("Microsoft"), log_level::warning);
  EXPECT_EQ(options.tags.at("env"), "docker");
  EXPECT_EQ(options.queue, mamey::log_options{}.queue) << "what is not named keeps its default";
}
