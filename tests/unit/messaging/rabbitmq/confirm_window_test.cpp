#include <gtest/gtest.h>

#include <mamey/messaging/rabbitmq/detail/confirm_window.hpp>
#include <mamey/messaging/rabbitmq/detail/settlements.hpp>

namespace mamey::rabbitmq_detail {
namespace {

using tags = std::vector<std::uint64_t>;

tags tags_of(const std::vector<confirm_window::outcome>& all, publish_result wanted) {
  tags found;
  for (const auto& each : all) {
    EXPECT_EQ(each.what.result, wanted) << each.tag << ": " << each.what.reason;
    found.push_back(each.tag);
  }
  return found;
}

TEST(confirm_window, single_and_multiple_confirms_end_what_they_name_once) {
  confirm_window window(10);
  for (std::uint64_t i = 1; i <= 5; ++i) window.sent(100 + i, "m" + std::to_string(i));
  EXPECT_EQ(tags_of(window.settled(2, false, true), publish_result::confirmed), (tags{102}));
  EXPECT_EQ(tags_of(window.settled(3, true, true), publish_result::confirmed), (tags{101, 103}));
  EXPECT_TRUE(window.settled(2, false, true).empty());
  EXPECT_EQ(tags_of(window.settled(0, true, true), publish_result::confirmed), (tags{104, 105})) << "0 and multiple: all";
  EXPECT_EQ(window.in_flight(), 0U);
}

TEST(confirm_window, a_number_never_sent_is_ignored) {
  confirm_window window(10);
  EXPECT_TRUE(window.settled(1, false, true).empty());
  EXPECT_TRUE(window.settled(7, true, true).empty());
  window.sent(1, "a");
  EXPECT_TRUE(window.settled(2, false, true).empty());
  EXPECT_EQ(tags_of(window.settled(99, true, true), publish_result::confirmed), (tags{1}));
}

TEST(confirm_window, a_return_is_matched_by_id_and_counts_when_its_confirm_comes) {
  confirm_window window(10);
  window.sent(1, "a");
  window.sent(2, "b");
  window.sent(3, "c");
  window.returned("b", 312, "NO_ROUTE");
  window.returned("unknown", 312, "NO_ROUTE");
  const auto done = window.settled(3, true, true);
  ASSERT_EQ(done.size(), 3U);
  EXPECT_EQ(done[0].what.result, publish_result::confirmed);
  EXPECT_EQ(done[1].what.result, publish_result::unroutable);
  EXPECT_EQ(done[1].what.reason, "312 NO_ROUTE");
  EXPECT_EQ(done[2].what.result, publish_result::confirmed);
}

TEST(confirm_window, a_nack_says_that_the_broker_did_not_take_this_message) {
  confirm_window window(10);
  window.sent(1, "a");
  window.sent(2, "b");
  EXPECT_EQ(tags_of(window.settled(1, false, false), publish_result::nacked), (tags{1}));
  EXPECT_EQ(tags_of(window.settled(2, false, true), publish_result::confirmed), (tags{2}));
}

TEST(confirm_window, two_copies_of_one_id_are_never_out_together) {
  confirm_window window(10);
  window.sent(1, "a");
  EXPECT_FALSE(window.has_room_for("a"));
  EXPECT_TRUE(window.has_room_for("b"));
  window.settled(1, false, true);
  EXPECT_TRUE(window.has_room_for("a"));
}

TEST(confirm_window, holds_no_more_than_its_size) {
  confirm_window window(2);
  window.sent(1, "a");
  window.sent(2, "b");
  EXPECT_FALSE(window.has_room_for("c"));
  window.settled(1, false, true);
  EXPECT_TRUE(window.has_room_for("c"));
}

TEST(confirm_window, a_message_without_id_goes_alone_so_that_its_return_is_known) {
  confirm_window window(10);
  EXPECT_TRUE(window.has_room_for(""));
  window.sent(1, "");
  EXPECT_FALSE(window.has_room_for("b"));
  window.returned("", 312, "NO_ROUTE");
  EXPECT_EQ(tags_of(window.settled(1, false, true), publish_result::unroutable), (tags{1}));
  window.sent(2, "a");
  EXPECT_FALSE(window.has_room_for(""));
}

TEST(confirm_window, a_closed_channel_costs_no_attempt_until_the_culprit_is_known) {
  confirm_window window(10);
  window.sent(1, "good");
  window.sent(2, "bad");
  EXPECT_EQ(tags_of(window.closed_over_a_publish("404"), publish_result::broker_fault), (tags{1, 2}));
  window.sent(3, "other");
  EXPECT_FALSE(window.has_room_for("good")) << "a suspect goes alone";
  EXPECT_TRUE(window.has_room_for("third"));
  window.settled(1, false, true);
  window.sent(4, "good");
  EXPECT_FALSE(window.has_room_for("third"));
  window.settled(2, false, true);
  EXPECT_TRUE(window.has_room_for("good"));
  window.sent(5, "third");
  EXPECT_TRUE(window.has_room_for("good")) << "cleared by its confirm";
  window.settled(3, false, true);
  window.sent(6, "bad");
  EXPECT_EQ(tags_of(window.closed_over_a_publish("404 again"), publish_result::refused), (tags{6}));
  window.sent(7, "bad");
  EXPECT_EQ(tags_of(window.closed_over_a_publish("404 again"), publish_result::refused), (tags{7}))
      << "a known culprit disturbs nobody again";
}

TEST(confirm_window, a_new_channel_counts_from_one) {
  confirm_window window(10);
  window.sent(1, "a");
  window.sent(2, "b");
  EXPECT_EQ(tags_of(window.give_up("lost"), publish_result::broker_fault), (tags{1, 2}));
  window.sent(3, "a");
  EXPECT_EQ(tags_of(window.settled(1, false, true), publish_result::confirmed), (tags{3}));
}

using acks = std::vector<settlements::acknowledgement>;

TEST(settlements, an_unbroken_row_is_one_acknowledgement) {
  settlements out;
  for (std::uint64_t tag = 1; tag <= 5; ++tag) out.delivered(tag);
  EXPECT_TRUE(out.acknowledge(2));
  EXPECT_TRUE(out.acknowledge(1));
  EXPECT_TRUE(out.acknowledge(4));
  EXPECT_EQ(out.take(), (acks{{2, true}, {4, false}}));
  EXPECT_TRUE(out.take().empty());
  EXPECT_TRUE(out.acknowledge(3));
  EXPECT_TRUE(out.acknowledge(5));
  EXPECT_EQ(out.take(), (acks{{5, true}}));
  EXPECT_EQ(out.outstanding(), 0U);
}

TEST(settlements, what_was_given_back_is_not_acknowledged_but_does_not_break_the_row) {
  settlements out;
  for (std::uint64_t tag = 1; tag <= 3; ++tag) out.delivered(tag);
  EXPECT_TRUE(out.given_back(2));
  EXPECT_TRUE(out.acknowledge(1));
  EXPECT_TRUE(out.acknowledge(3));
  EXPECT_EQ(out.take(), (acks{{3, true}}));
}

TEST(settlements, each_delivery_is_settled_once) {
  settlements out;
  out.delivered(1);
  EXPECT_TRUE(out.acknowledge(1));
  EXPECT_FALSE(out.acknowledge(1));
  EXPECT_FALSE(out.given_back(1));
  EXPECT_FALSE(out.acknowledge(9));
  EXPECT_EQ(out.take(), (acks{{1, false}}));
  EXPECT_FALSE(out.acknowledge(1));
}

TEST(settlements, a_single_one_is_no_multiple) {
  settlements out;
  out.delivered(1);
  out.delivered(2);
  out.acknowledge(1);
  EXPECT_EQ(out.take(), (acks{{1, false}}));
}

}  // namespace
}  // namespace mamey::rabbitmq_detail
