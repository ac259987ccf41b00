#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/messaging/error_operations.hpp>
#include <tests/support/memory_store.hpp>

namespace mamey {
namespace {

using testing::memory_store;

constexpr auto no_clock = [] { return std::chrono::nanoseconds(std::chrono::hours(1)); };

void record_failure(memory_store& store, std::string id) {
  error_record record;
  record.id = std::move(id);
  record.key = {"on_order_created", "m1"};
  record.message.id = "m1";
  record.error_code = "out_of_stock";
  store.commit({.inbox = inbox_key{"on_order_created", "m1"}, .errors = {record}});
}

TEST(error_operations, a_retry_goes_to_the_failing_handler_with_the_same_message_id) {
  memory_store store(no_clock);
  record_failure(store, "r1");
  EXPECT_EQ(error_operations(store).retry("r1"), "m1");
  EXPECT_EQ(store.count_errors(), 0);
  const auto due = store.claim_due({.token = "t", .except = {}});
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due.front().message.id, "m1");
  EXPECT_EQ(due.front().subscription, "on_order_created#r1")
      << "an inbox key of its own: the failure's row stands in the way of the original only";
}

TEST(error_operations, a_completed_message_is_refused_unless_forced_and_then_gets_a_new_id) {
  memory_store store(no_clock);
  record_failure(store, "r1");
  store.commit({.inbox = inbox_key{"on_order_created#r1", "m1"}});
  error_operations errors(store);
  EXPECT_THROW(errors.retry("r1"), conflict);
  EXPECT_EQ(store.delayed_count(), 0U);
  const auto id = errors.retry("r1", retry_mode::force);
  EXPECT_NE(id, "m1");
  const auto due = store.claim_due({.token = "t", .except = {}});
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due.front().message.causation_id, "m1");
  EXPECT_EQ(due.front().subscription, "on_order_created");
}

TEST(error_operations, a_discarded_record_is_gone) {
  memory_store store(no_clock);
  record_failure(store, "r1");
  error_operations errors(store);
  EXPECT_EQ(errors.show("r1").error_code, "out_of_stock");
  errors.discard("r1");
  EXPECT_EQ(errors.list(0, 10).total, 0);
  EXPECT_THROW(errors.show("r1"), not_found);
  EXPECT_THROW(errors.retry("r1"), not_found);
  EXPECT_THROW(errors.discard("r1"), not_found);
}

TEST(error_operations, a_page_is_bounded) {
  memory_store store(no_clock);
  for (int i = 0; i < 5; ++i) {
    error_record record;
    record.id = "r" + std::to_string(i);
    store.commit({.inbox = {}, .errors = {record}});
  }
  error_operations errors(store);
  EXPECT_EQ(errors.list(1, 2).records.size(), 2U);
  EXPECT_EQ(errors.list(1, 2).total, 5);
  EXPECT_EQ(errors.list(-3, 0).records.size(), 1U);
}

}  // namespace
}  // namespace mamey
