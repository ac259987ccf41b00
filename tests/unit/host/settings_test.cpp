#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

#include "../observability/log_capture.hpp"

namespace {

/// What an application with this setting warns of when it starts.
std::vector<std::string> warnings_with(std::string key, std::string value) {
  const log_capture capture;
  mamey::testing::harness started{mamey::module("orders")};
  started.set(std::move(key), std::move(value));
  EXPECT_EQ(started.get("/ping").status, 200);
  std::vector<std::string> warnings;
  for (const auto& each : capture.records()) {
    if (each.level == mamey::log_level::warning) warnings.push_back(each.message);
  }
  return warnings;
}

TEST(settings, a_key_nobody_reads_is_warned_of_once_in_every_section) {
  EXPECT_EQ(warnings_with("server:maxBodyByte", "1"), std::vector<std::string>{"the test: server:maxBodyByte: unknown key: did you mean maxBodyBytes?"});
  EXPECT_EQ(warnings_with("messaging:concurency", "2"), std::vector<std::string>{"the test: messaging:concurency: unknown key: did you mean concurrency?"});
  EXPECT_EQ(warnings_with("outbox:windw", "2"), std::vector<std::string>{"the test: outbox:windw: unknown key: did you mean window?"});
}

TEST(settings, a_section_that_looks_like_another_is_warned_of) {
  const auto warnings = warnings_with("mesaging:concurrency", "2");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("did you mean messaging?"), std::string::npos) << warnings[0];
}

TEST(settings, what_is_read_by_others_is_no_mistake) {
  EXPECT_TRUE(warnings_with("rabbitMq:hostnames:0", "broker").empty());
  EXPECT_TRUE(warnings_with("consul:enabled", "true").empty());
  EXPECT_TRUE(warnings_with("messaging:transport", "inProcess").empty());
}

TEST(settings, an_outbox_that_sends_nothing_says_so) {
  const auto warnings = warnings_with("outbox:enabled", "false");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("kept and not sent"), std::string::npos) << warnings[0];
}

}  // namespace
