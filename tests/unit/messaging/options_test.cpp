#include <gtest/gtest.h>

#include <algorithm>

#include <mamey/messaging/options.hpp>

namespace mamey {
namespace {

using namespace std::chrono_literals;

bool mentions(const std::vector<std::string>& problems, std::string_view words) {
  return std::ranges::any_of(problems, [&](const auto& each) { return each.find(words) != std::string::npos; });
}

TEST(messaging_options, the_defaults_have_no_problem) { EXPECT_TRUE(problems_of({}, {}).empty()); }

TEST(messaging_options, an_inbox_that_forgets_before_the_last_retry_is_refused) {
  messaging_options messaging;
  messaging.inbox_retention = messaging.error_retention;
  const auto problems = problems_of({}, messaging);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("messaging.inboxRetention"), std::string::npos);
  EXPECT_NE(problems.front().find("handled twice"), std::string::npos);
  messaging.inbox_retention = messaging.error_retention + longest_retry_chain(messaging);
  EXPECT_TRUE(problems_of({}, messaging).empty());
}

TEST(messaging_options, the_retry_chain_counts_delays_jitter_rollout_and_the_runs_themselves) {
  messaging_options messaging;
  messaging.delayed_retries = {10s, 20s};
  messaging.retry_jitter = 0.5;
  messaging.rollout_window = 60s;
  messaging.immediate_retries = 1;
  messaging.handler_timeout = 2s;
  EXPECT_EQ(longest_retry_chain(messaging), 30s + 15s + 3 * (60s + 2 * 2s));
}

TEST(messaging_options, each_impossible_value_is_named) {
  outbox_options outbox;
  outbox.confirm_timeout = outbox.lease;
  outbox.lease_margin = outbox.lease / 2;
  outbox.batch = 0;
  outbox.interval_milliseconds = 0;
  messaging_options messaging;
  messaging.concurrency = 0;
  messaging.prefetch = -1;
  messaging.start_limit = 0;
  messaging.delayed_retries = {0s};
  const auto problems = problems_of(outbox, messaging);
  for (const auto* words : {"outbox.confirmTimeout", "outbox.leaseMargin", "outbox.batch", "outbox.intervalMilliseconds",
                            "messaging.concurrency", "messaging.prefetch", "messaging.startLimit", "messaging.delayedRetries"}) {
    EXPECT_TRUE(mentions(problems, words)) << words;
  }
}

TEST(messaging_options, what_only_the_engine_of_dotnet_has_is_accepted) {
  EXPECT_TRUE(problems_of({.enabled = false, .type = "parallel", .interval_milliseconds = 0, .disable_transactions = true}, {}).empty());
  EXPECT_TRUE(problems_of({.disable_transactions = true}, {}).empty());
}

TEST(messaging_options, leases_of_days_are_taken_for_a_mistake) {
  outbox_options outbox;
  outbox.lease = 24h;
  messaging_options messaging;
  messaging.lease = 48h;
  const auto problems = problems_of(outbox, messaging);
  EXPECT_TRUE(mentions(problems, "outbox.lease (1 d) must be at most 60 min"));
  EXPECT_TRUE(mentions(problems, "messaging.lease (2 d) must be 1 s to 60 min"));
}

TEST(messaging_options, the_references_expiry_keeps_sent_rows) {
  outbox_options outbox;
  outbox.retention = 5s;
  EXPECT_EQ(retention_of(outbox, {}).sent, 5s);
  outbox.expiry = 3600;
  EXPECT_EQ(retention_of(outbox, {}).sent, 3600s);
}

}  // namespace
}  // namespace mamey
