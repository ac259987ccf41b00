#include <gtest/gtest.h>

#include <chrono>

#include <mamey/http/resilience.hpp>

namespace {

using namespace mamey;
using namespace std::chrono_literals;
using kind = http::attempt_outcome::kind;

constexpr http::retry_options three{.retries = 3, .first_delay = 100ms, .longest_delay = 1s};

bool retried(http_method method, const http::attempt_outcome& outcome) { return http::next_try(three, method, 1, outcome, 0).has_value(); }

TEST(http_retry, what_was_not_sent_is_sent_again_whatever_the_method) {
  EXPECT_TRUE(retried(http_method::post, {.how = kind::not_sent}));
  EXPECT_TRUE(retried(http_method::get, {.how = kind::not_sent}));
}

TEST(http_retry, what_may_have_worked_is_repeated_only_when_that_is_harmless) {
  for (const auto how : {kind::broken, kind::stale, kind::timed_out}) {
    EXPECT_FALSE(retried(http_method::post, {.how = how}));
    EXPECT_FALSE(retried(http_method::patch, {.how = how}));
    EXPECT_TRUE(retried(http_method::get, {.how = how}));
    EXPECT_TRUE(retried(http_method::put, {.how = how}));
    EXPECT_TRUE(retried(http_method::del, {.how = how}));
  }
}

TEST(http_retry, of_the_answers_only_those_of_a_passing_trouble_are_tried_again) {
  for (const int status : {502, 503, 504}) {
    EXPECT_TRUE(retried(http_method::get, {.status = status}));
    EXPECT_FALSE(retried(http_method::post, {.status = status}));
  }
  for (const int status : {200, 400, 404, 409, 429, 500, 501}) EXPECT_FALSE(retried(http_method::get, {.status = status})) << status;
}

TEST(http_retry, delays_double_within_their_jitter_up_to_the_longest) {
  const auto delay = [](int tries, double random) {
    return *http::next_try({.retries = 10, .first_delay = 100ms, .longest_delay = 1s}, http_method::get, tries, {.how = kind::broken},
                           random);
  };
  EXPECT_EQ(delay(1, 0), 50ms);
  EXPECT_EQ(delay(1, 0.999), 99ms);
  EXPECT_EQ(delay(2, 0), 100ms);
  EXPECT_EQ(delay(4, 0), 400ms);
  EXPECT_EQ(delay(9, 0), 500ms);
  EXPECT_FALSE(http::next_try(three, http_method::get, 4, {.how = kind::broken}, 0)) << "three retries are three";
}

TEST(http_retry, retry_after_is_honoured_or_the_answer_stands) {
  EXPECT_EQ(http::next_try(three, http_method::get, 1, {.status = 503, .retry_after = 1s}, 0), 1s);
  EXPECT_FALSE(http::next_try(three, http_method::get, 1, {.status = 503, .retry_after = 2s}, 0));
}

TEST(http_retry, the_budget_bounds_retries_to_a_share_of_the_calls) {
  http::retry_budget budget(0.1, 2);
  int retries = 0;
  for (int call = 0; call < 100; ++call) {
    budget.earn();
    retries += budget.spend() ? 1 : 0;
  }
  EXPECT_GE(retries, 11);
  EXPECT_LE(retries, 12);
}

TEST(http_breaker, opens_after_failures_in_a_row_and_probes_one_at_a_time) {
  http::circuit_breaker breaker({.failures = 3, .open_for = 5s});
  const http::time_point start{};
  using state = http::circuit_breaker::state;

  breaker.failed(start);
  breaker.failed(start);
  breaker.succeeded();
  breaker.failed(start);
  breaker.failed(start);
  EXPECT_EQ(breaker.current(start), state::closed) << "a success in between starts the count anew";
  breaker.failed(start);
  EXPECT_EQ(breaker.current(start), state::open);
  EXPECT_FALSE(breaker.allow(start + 4999ms));

  EXPECT_TRUE(breaker.allow(start + 5s));
  EXPECT_FALSE(breaker.allow(start + 5s)) << "the probe is under way";
  breaker.failed(start + 6s);
  EXPECT_FALSE(breaker.allow(start + 10s)) << "open again, from the probe's failure";
  EXPECT_TRUE(breaker.allow(start + 11s));
  breaker.abandoned();
  EXPECT_TRUE(breaker.allow(start + 11s)) << "an abandoned probe leaves room for the next";
  breaker.succeeded();
  EXPECT_EQ(breaker.current(start + 11s), state::closed);
}

TEST(http_breaker, a_late_failure_of_an_earlier_call_does_not_keep_it_open_longer) {
  http::circuit_breaker breaker({.failures = 1, .open_for = 5s});
  const http::time_point start{};
  breaker.failed(start);
  breaker.failed(start + 4s);
  EXPECT_TRUE(breaker.allow(start + 5s));
}

TEST(http_breaker, zero_failures_means_never) {
  http::circuit_breaker breaker({.failures = 0});
  for (int i = 0; i < 100; ++i) breaker.failed({});
  EXPECT_TRUE(breaker.allow({}));
}

TEST(http_answer_times, a_wait_is_overdue_by_what_the_service_usually_takes) {
  http::answer_times times;
  EXPECT_FALSE(times.is_overdue(99ms));
  EXPECT_TRUE(times.is_overdue(100ms)) << "nothing is known yet";
  for (int i = 0; i < 100; ++i) times.answered(200ms);
  EXPECT_FALSE(times.is_overdue(799ms)) << "a caller in a hurry does not open the breaker for everybody else";
  EXPECT_TRUE(times.is_overdue(801ms));
  for (int i = 0; i < 100; ++i) times.answered(1ms);
  EXPECT_FALSE(times.is_overdue(50ms));
  EXPECT_TRUE(times.is_overdue(100ms));
}

}  // namespace
