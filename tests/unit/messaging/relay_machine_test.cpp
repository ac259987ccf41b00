#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <mamey/messaging/message_headers.hpp>
#include <mamey/messaging/relay_machine.hpp>

namespace mamey {
namespace {

using namespace std::chrono_literals;
using event = relay_event;
using step = relay_step;

claimed_message row(std::int64_t sequence, std::string key = {}, int attempts = 0) {
  claimed_message made;
  made.sequence = sequence;
  made.message.id = "m" + std::to_string(sequence);
  made.message.key = std::move(key);
  made.attempts = attempts;
  made.reclaimed = false;
  return made;
}

claimed_message row_to(const std::string& destination, std::int64_t sequence, std::string key = {}) {
  auto made = row(sequence, std::move(key));
  made.message.routing_key = destination;
  return made;
}

std::vector<claimed_message> rows_to(const std::string& destination, std::int64_t from, std::int64_t to) {
  std::vector<claimed_message> made;
  for (auto each = from; each <= to; ++each) made.push_back(row_to(destination, each));
  return made;
}

relay_settings with_mark_delay(relay_settings settings, std::chrono::milliseconds delay) {
  settings.mark_delay = delay;
  return settings;
}

/// A machine with its time; each call returns what the machine wants done. Marks do not wait for each other unless a test asks for it.
struct relay_script {
  explicit relay_script(relay_settings settings = {}, std::chrono::milliseconds mark_delay = 0ms)
      : machine(with_mark_delay(std::move(settings), mark_delay), 1) {}

  std::vector<relay_action> tell(relay_input input) { return last = machine.on(now, std::move(input)); }
  std::vector<relay_action> tell(event what) {
    relay_input input;
    input.event = what;
    return tell(std::move(input));
  }
  std::vector<relay_action> outcome(event what, std::uint64_t tag, bool untouched = false) {
    relay_input input;
    input.event = what;
    input.tag = tag;
    input.untouched = untouched;
    return tell(std::move(input));
  }
  std::vector<relay_action> done(std::size_t applied) {
    relay_input input;
    input.event = event::row_work_done;
    input.applied = applied;
    return tell(std::move(input));
  }
  std::vector<relay_action> claim_answers(std::vector<claimed_message> rows, std::string token = "t") {
    relay_input input;
    input.event = event::claimed;
    input.rows = {std::move(token), std::move(rows)};
    return tell(std::move(input));
  }
  /// Started, and its first claim answered.
  std::vector<relay_action> with_rows(std::vector<claimed_message> rows) {
    tell(event::started);
    return claim_answers(std::move(rows));
  }
  /// A commit has leased these rows to the relay.
  std::vector<relay_action> hand(std::vector<claimed_message> rows, steady_time since, std::string token = "mine",
                                 std::vector<std::string> free_keys = {}) {
    relay_input input;
    input.event = event::handed;
    input.handed = {.token = std::move(token), .since = since, .rows = {}, .free_keys = std::move(free_keys)};
    for (auto& each : rows)
      input.handed.rows.push_back({.sequence = each.sequence, .message = std::make_shared<const envelope>(std::move(each.message))});
    return tell(std::move(input));
  }
  const relay_action* find(step what) const {
    const auto found = std::ranges::find(last, what, &relay_action::step);
    return found == last.end() ? nullptr : &*found;
  }
  std::vector<std::string> sent() const {
    std::vector<std::string> ids;
    for (const auto& each : last) {
      for (const auto& message : each.messages) ids.push_back(message.message->id);
    }
    return ids;
  }
  void at(std::chrono::nanoseconds since_start) { now = start + since_start; }

  static constexpr steady_time start{std::chrono::hours(1)};
  relay_machine machine;
  steady_time now = start;
  std::vector<relay_action> last;
};

using ids = std::vector<std::string>;

TEST(relay_machine, marks_a_row_only_when_it_is_confirmed) {
  relay_script relay;
  relay.with_rows({row(1)});
  EXPECT_EQ(relay.sent(), ids{"m1"});
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::mark_sent)->sequences, std::vector<std::int64_t>{1});
  relay.done(0);
  EXPECT_EQ(relay.machine.in_hand(), 0U);
}

TEST(relay_machine, confirms_that_come_while_a_mark_runs_are_marked_together) {
  relay_script relay;
  relay.with_rows({row(1), row(2), row(3)});
  relay.outcome(event::confirmed, 1);
  relay.outcome(event::confirmed, 2);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.outcome(event::confirmed, 3);
  relay.done(0);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::mark_sent)->sequences, (std::vector<std::int64_t>{2, 3}));
}

TEST(relay_machine, rows_that_are_confirmed_one_after_another_are_marked_together) {
  relay_script relay({}, 40ms);
  relay.with_rows({row(1), row(2), row(3)});
  relay.claim_answers({});
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.at(30ms);
  relay.outcome(event::confirmed, 2);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  EXPECT_LE(relay.machine.wake_at(), relay_script::start + 40ms) << "the first has waited long enough then";
  relay.at(40ms);
  relay.tell(event::timer);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::mark_sent)->sequences, (std::vector<std::int64_t>{1, 2}));
  relay.outcome(event::confirmed, 3);
  relay.done(0);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr) << "those that come later wait again";
  EXPECT_LE(relay.machine.wake_at(), relay_script::start + 80ms);
}

TEST(relay_machine, marks_wait_no_longer_when_many_wait) {
  relay_script relay({.mark_batch = 3}, 40ms);
  relay.with_rows({row(1), row(2), row(3)});
  relay.outcome(event::confirmed, 1);
  relay.outcome(event::confirmed, 2);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.outcome(event::confirmed, 3);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::mark_sent)->sequences.size(), 3U);
}

TEST(relay_machine, marks_wait_no_longer_when_claims_wait_for_room) {
  relay_script relay({.batch = 2, .window = 2}, 40ms);
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({row(3), row(4)}, "t2");
  relay.outcome(event::confirmed, 1);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
}

TEST(relay_machine, marks_go_along_when_the_store_is_asked_anyway) {
  relay_script relay({}, 40ms);
  relay.with_rows({row(1), row(2)});
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.outcome(event::refused, 2);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
}

TEST(relay_machine, a_stop_makes_the_marks_that_wait) {
  relay_script relay({}, 40ms);
  relay.with_rows({row(1)});
  relay.claim_answers({});
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.tell(event::stop);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::finish), nullptr);
  relay.done(0);
  EXPECT_NE(relay.find(step::finish), nullptr);
}

TEST(relay_machine, a_mark_that_fails_is_made_again) {
  relay_script relay;
  relay.with_rows({row(1)});
  relay.outcome(event::confirmed, 1);
  relay.tell(event::row_work_failed);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.now = relay.machine.wake_at();
  relay.tell(event::timer);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
}

TEST(relay_machine, never_has_more_out_than_its_window) {
  relay_script relay({.window = 2});
  relay.with_rows({row(1), row(2), row(3)});
  EXPECT_EQ(relay.sent(), (ids{"m1", "m2"}));
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.sent(), ids{"m3"});
}

TEST(relay_machine, never_has_two_copies_of_one_message_id_out) {
  relay_script relay;
  auto twin = row(2);
  twin.message.id = "m1";
  relay.with_rows({row(1), twin});
  EXPECT_EQ(relay.sent(), ids{"m1"});
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.sent(), ids{"m1"});
}

TEST(relay_machine, claims_again_while_there_is_more_and_then_polls_ever_more_slowly) {
  relay_script relay({.shortest_poll = 10ms, .longest_poll = 40ms});
  relay.with_rows({row(1)});
  EXPECT_NE(relay.find(step::claim), nullptr);
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 4; ++i) {
    relay.claim_answers({});
    const auto before = relay.now;
    relay.now = relay.machine.wake_at();
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(relay.now - before));
    relay.tell(event::timer);
    EXPECT_NE(relay.find(step::claim), nullptr) << "poll " << i;
  }
  EXPECT_GE(waits[0], 10ms);
  EXPECT_GE(waits[1], 20ms);
  EXPECT_GE(waits[3], 40ms);
  EXPECT_LE(waits[3], 48ms);
}

TEST(relay_machine, a_commit_of_this_process_wakes_it_at_once) {
  relay_script relay;
  relay.tell(event::started);
  relay.claim_answers({});
  relay.tell(event::woken);
  EXPECT_NE(relay.find(step::claim), nullptr);
}

TEST(relay_machine, a_wake_up_during_a_claim_is_not_lost) {
  relay_script relay;
  relay.tell(event::started);
  relay.tell(event::woken);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  relay.claim_answers({});
  EXPECT_NE(relay.find(step::claim), nullptr);
}

TEST(relay_machine, the_lease_counts_from_before_the_claim_was_issued) {
  relay_script relay({.window = 1, .lease = 3s, .margin = 1s, .confirm_timeout = 0ms});
  relay.tell(event::started);
  relay.at(1500ms);  // the store took its time
  relay.claim_answers({row(1), row(2)});
  EXPECT_EQ(relay.sent(), ids{"m1"});
  relay.at(2s);  // the lease minus its margin, from the claim's issue
  relay.outcome(event::confirmed, 1);
  EXPECT_TRUE(relay.sent().empty());
}

TEST(relay_machine, renews_at_a_third_of_the_lease_and_sends_on) {
  relay_script relay({.window = 1, .lease = 3s, .margin = 500ms, .confirm_timeout = 0ms});
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({});
  relay.at(1s);
  relay.tell(event::timer);
  ASSERT_NE(relay.find(step::renew), nullptr);
  EXPECT_EQ(relay.find(step::renew)->sequences.size(), 2U);
  relay.done(2);
  relay.at(3s);
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.sent(), ids{"m2"});
}

TEST(relay_machine, a_lost_lease_drops_what_is_unsent_and_still_marks_what_was_confirmed) {
  relay_script relay({.window = 1, .lease = 3s, .margin = 500ms, .confirm_timeout = 0ms});
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({});
  relay.at(1s);
  relay.tell(event::timer);
  relay.done(1);
  EXPECT_EQ(relay.machine.in_hand(), 1U);
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::mark_sent)->sequences, std::vector<std::int64_t>{1});
}

TEST(relay_machine, a_row_claimed_again_while_its_first_copy_is_out_waits_for_that_copy) {
  relay_script relay({.lease = 3s, .margin = 500ms, .confirm_timeout = 0ms});
  relay.with_rows({row(1)});
  relay.claim_answers({row(1)}, "t2");
  EXPECT_TRUE(relay.sent().empty());
  relay.outcome(event::confirmed, 1);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
}

TEST(relay_machine, marks_and_renewals_take_turns_so_that_a_renewal_can_be_counted) {
  relay_script relay({.lease = 3s, .margin = 500ms, .confirm_timeout = 0ms});
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({});
  relay.outcome(event::confirmed, 1);
  relay.at(1s);
  relay.tell(event::timer);
  EXPECT_EQ(relay.find(step::renew), nullptr);
  relay.done(0);
  ASSERT_NE(relay.find(step::renew), nullptr);
  EXPECT_EQ(relay.find(step::renew)->sequences, std::vector<std::int64_t>{2});
}

TEST(relay_machine, a_broker_fault_pauses_and_costs_no_attempt) {
  relay_script relay({.shortest_pause = 100ms, .refusals = 1});
  relay.with_rows({row(1), row(2)});
  relay.outcome(event::broker_fault, 1);
  EXPECT_EQ(relay.machine.state(), relay_state::paused);
  EXPECT_EQ(relay.find(step::fail), nullptr);
  relay.outcome(event::broker_fault, 2);
  relay.at(200ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m1"}) << "one probes whether the broker is back";
  EXPECT_TRUE(relay.find(step::send)->messages.front().maybe_sent);
  relay.outcome(event::confirmed, 3);
  EXPECT_EQ(relay.sent(), ids{"m2"});
}

// -- destinations that the broker does not take ---------------------------------------------------------------------------

TEST(relay_machine, a_nack_holds_up_its_destination_and_no_other) {
  relay_script relay({.shortest_pause = 100ms});
  relay.with_rows({row_to("full", 1), row_to("free", 2)});
  relay.outcome(event::nacked, 1);
  EXPECT_NE(relay.machine.state(), relay_state::paused);
  EXPECT_EQ(relay.find(step::fail), nullptr) << "one nack costs no attempt";
  relay.outcome(event::confirmed, 2);
  relay.done(0);
  relay.claim_answers({row_to("full", 3), row_to("free", 4)});
  EXPECT_EQ(relay.sent(), ids{"m4"});
  EXPECT_NE(relay.machine.waiting().find("full"), std::string::npos);
  relay.at(120ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m1"}) << "one message probes it";
}

TEST(relay_machine, a_second_nack_while_others_were_confirmed_is_a_refusal) {
  relay_script relay({.shortest_pause = 100ms, .refusals = 2});
  relay.with_rows({row_to("full", 1), row_to("free", 2)});
  relay.outcome(event::nacked, 1);
  relay.outcome(event::confirmed, 2);
  relay.done(0);
  relay.at(120ms);
  relay.tell(event::timer);
  relay.outcome(event::nacked, 3);
  ASSERT_NE(relay.find(step::fail), nullptr);
  const auto& failure = relay.find(step::fail)->failures.front();
  EXPECT_TRUE(failure.counted);
  EXPECT_FALSE(failure.park);
  EXPECT_GE(failure.retry_after, 1s);
}

TEST(relay_machine, when_everything_is_nacked_it_probes_and_no_attempt_is_counted) {
  relay_script relay({.lease = 1h, .shortest_pause = 100ms, .longest_pause = 400ms, .refusals = 1});
  relay.with_rows({row_to("one", 1), row_to("two", 2)});
  relay.claim_answers({});
  relay.outcome(event::nacked, 1);
  relay.outcome(event::nacked, 2);
  std::uint64_t tag = 2;
  std::size_t probes = 0;
  const auto until = relay.now + 10s;
  while (relay.now < until) {
    relay.now = relay.machine.wake_at();
    relay.tell(event::timer);
    if (relay.find(step::claim)) relay.claim_answers({});
    for (; relay.machine.in_flight() > 0; ++probes) {
      relay.outcome(event::nacked, ++tag);
      EXPECT_EQ(relay.find(step::fail), nullptr);
    }
  }
  EXPECT_GE(probes, 2 * 10s / 480ms) << "each destination goes on being probed";
  EXPECT_LE(probes, 2 * (10s / 400ms + 3));
  EXPECT_EQ(relay.machine.counts().refused, 0U);
}

TEST(relay_machine, a_destination_that_takes_messages_again_opens_step_by_step) {
  relay_script relay({.window = 8, .shortest_pause = 100ms});
  relay.with_rows(rows_to("full", 1, 20));
  for (std::uint64_t tag = 1; tag <= 8; ++tag) relay.outcome(event::nacked, tag);
  relay.at(120ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m1"});
  relay.outcome(event::confirmed, 9);
  EXPECT_EQ(relay.sent(), (ids{"m2", "m3"}));
  relay.outcome(event::confirmed, 10);
  EXPECT_EQ(relay.sent(), (ids{"m4", "m5", "m6"})) << "of four that may be out one is";
  relay.outcome(event::confirmed, 11);
  EXPECT_TRUE(relay.machine.closed().empty());
  EXPECT_EQ(relay.machine.in_flight(), 8U);
}

TEST(relay_machine, claims_go_on_past_the_rows_of_a_destination_that_takes_nothing) {
  relay_script relay({.batch = 10, .window = 10});
  relay.with_rows(rows_to("full", 1, 10));
  for (std::uint64_t tag = 1; tag <= 10; ++tag) relay.outcome(event::nacked, tag);
  std::int64_t next = 11;
  for (int claims = 0; claims < 50; ++claims) {
    relay.claim_answers(rows_to("full", next, next + 9), "t" + std::to_string(next));
    next += 10;
    while (relay.find(step::fail)) {
      for (const auto& each : relay.find(step::fail)->failures) {
        EXPECT_FALSE(each.counted) << "what was not sent has no attempt";
        EXPECT_FALSE(each.park);
      }
      relay.done(10);
    }
    ASSERT_LE(relay.machine.in_hand(), 20U);
  }
  relay.claim_answers({row_to("free", next)}, "last");
  EXPECT_EQ(relay.sent(), ids{"m" + std::to_string(next)});
}

TEST(relay_machine, followers_of_a_key_wait_behind_their_head_whose_destination_takes_nothing) {
  relay_script relay({.shortest_pause = 100ms, .ordered = true, .owner = "me"});
  relay.tell(event::started);
  relay_input leased;
  leased.event = event::slots_leased;
  leased.applied = 1024;
  relay.tell(std::move(leased));
  relay.claim_answers({row_to("full", 1, "a"), row_to("free", 2, "a"), row_to("free", 3, "b")});
  EXPECT_EQ(relay.sent(), (ids{"m1", "m3"}));
  relay.outcome(event::nacked, 1);
  EXPECT_TRUE(relay.sent().empty());
  relay.at(120ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m1"});
}

TEST(relay_machine, a_queue_that_answers_nothing_holds_up_its_destination_and_no_other) {
  relay_script relay({.batch = 2, .window = 2, .lease = 1h, .confirm_timeout = 1s, .shortest_pause = 100ms});
  relay.with_rows(rows_to("silent", 1, 2));
  relay.claim_answers(rows_to("silent", 3, 4), "t2");
  relay.at(1s);
  relay.tell(event::timer);
  EXPECT_NE(relay.find(step::reset_channel), nullptr);
  relay.at(1200ms);
  relay.tell(event::timer);
  ASSERT_NE(relay.find(step::claim), nullptr) << "claims go on past them";
  relay.claim_answers({row_to("free", 5)}, "t3");
  ASSERT_EQ(relay.machine.in_flight(), 1U) << "after a pause for all one message probes";
  relay.at(2200ms);
  relay.tell(event::timer);
  relay.at(2500ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m5"}) << "a probe of another destination comes first";
  relay.outcome(event::confirmed, 4);
  EXPECT_NE(relay.machine.state(), relay_state::paused);
  EXPECT_EQ(relay.machine.counts().refused, 0U);
}

TEST(relay_machine, a_message_that_breaks_every_connection_is_not_every_probe) {
  relay_script relay({.confirm_timeout = 0ms, .shortest_pause = 100ms});
  relay.with_rows({row(1), row(2)});
  relay.outcome(event::broker_fault, 1);
  relay.outcome(event::broker_fault, 2);
  relay.now = relay.machine.wake_at();
  relay.tell(event::timer);
  ASSERT_EQ(relay.sent(), ids{"m1"});
  relay.outcome(event::broker_fault, 3);
  while (relay.sent().empty()) {
    relay.now = relay.machine.wake_at();
    relay.tell(event::timer);
  }
  EXPECT_EQ(relay.sent(), ids{"m2"});
}

TEST(relay_machine, pauses_grow_while_the_broker_stays_away) {
  relay_script relay({.confirm_timeout = 0ms, .shortest_pause = 100ms, .longest_pause = 400ms});
  relay.with_rows({row(1)});
  relay.claim_answers({});
  std::chrono::nanoseconds waited{};
  for (std::uint64_t tag = 1; tag <= 5; ++tag) {
    const auto before = relay.now;
    relay.outcome(event::broker_fault, tag);
    while (relay.machine.in_flight() == 0) {
      relay.now = relay.machine.wake_at();
      relay.tell(event::timer);
      if (relay.find(step::renew)) relay.done(1);
    }
    waited = relay.now - before;
  }
  EXPECT_GE(waited, 400ms);
  EXPECT_LE(waited, 480ms);
}

TEST(relay_machine, while_blocked_it_claims_nothing_sends_nothing_and_renews) {
  relay_script relay({.window = 1, .lease = 3s, .margin = 500ms, .confirm_timeout = 1s});
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({});
  relay.tell(event::blocked);
  relay.tell(event::woken);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  relay.at(1500ms);
  relay.tell(event::timer);
  EXPECT_EQ(relay.find(step::reset_channel), nullptr) << "the silence is asked for";
  EXPECT_NE(relay.find(step::renew), nullptr);
  relay.done(2);
  relay.tell(event::ready);
  EXPECT_NE(relay.find(step::claim), nullptr);
  EXPECT_EQ(relay.machine.in_flight(), 1U);
}

TEST(relay_machine, an_unconfirmed_message_is_given_up_with_its_channel_after_the_timeout) {
  relay_script relay({.confirm_timeout = 1s});
  relay.with_rows({row(1)});
  relay.claim_answers({});
  relay.at(1s);
  relay.tell(event::timer);
  EXPECT_NE(relay.find(step::reset_channel), nullptr);
  EXPECT_EQ(relay.machine.state(), relay_state::paused);
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr) << "a late confirm belongs to the given-up channel";
}

TEST(relay_machine, a_refused_message_is_tried_later_and_parked_in_the_end) {
  relay_script relay({.shortest_refusal_delay = 1s, .refusals = 3});
  relay.with_rows({row(1, {}, 0), row(2, {}, 2)});
  relay.outcome(event::refused, 1);
  ASSERT_NE(relay.find(step::fail), nullptr);
  EXPECT_FALSE(relay.find(step::fail)->failures.front().park);
  EXPECT_GE(relay.find(step::fail)->failures.front().retry_after, 1s);
  relay.done(1);
  relay.outcome(event::refused, 2);
  ASSERT_NE(relay.find(step::fail), nullptr);
  EXPECT_TRUE(relay.find(step::fail)->failures.front().park);
}

TEST(relay_machine, an_event_nobody_listens_to_is_marked_a_command_is_refused) {
  relay_script relay;
  auto command = row(2);
  mark_as_command(command.message);
  relay.with_rows({row(1), command});
  relay.outcome(event::unroutable, 1);
  EXPECT_NE(relay.find(step::mark_unroutable), nullptr);
  relay.outcome(event::unroutable, 2);
  relay.done(0);
  ASSERT_NE(relay.find(step::fail), nullptr);
  EXPECT_NE(relay.find(step::fail)->failures.front().reason.find("no queue is bound"), std::string::npos);
}

// -- ordered ------------------------------------------------------------------------------------------------------------

relay_script ordered(relay_settings settings = {}, std::chrono::milliseconds mark_delay = 0ms) {
  settings.ordered = true;
  settings.owner = "me";
  return relay_script(settings, mark_delay);
}

std::vector<relay_action> own_slots(relay_script& relay) {
  relay.tell(event::started);
  relay_input input;
  input.event = event::slots_leased;
  input.applied = 1024;
  return relay.tell(std::move(input));
}

TEST(relay_machine, ordered_claims_wait_for_slots) {
  auto relay = ordered();
  relay.tell(event::started);
  EXPECT_NE(relay.find(step::lease_slots), nullptr);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  own_slots(relay);
  ASSERT_NE(relay.find(step::claim), nullptr);
  EXPECT_TRUE(relay.find(step::claim)->request.ordered);
  EXPECT_EQ(relay.find(step::claim)->request.owner, "me");
}

TEST(relay_machine, a_wake_up_for_a_slot_of_another_relay_costs_one_poll) {
  auto relay = ordered();
  own_slots(relay);
  relay.claim_answers({});
  relay.at(1ms);
  relay.tell(event::woken);  // a commit here wrote a row whose slot another relay has
  EXPECT_NE(relay.find(step::claim), nullptr);
  relay.claim_answers({});
  EXPECT_TRUE(relay.last.empty());
  EXPECT_GT(relay.machine.wake_at(), relay.now);
  relay.tell(event::timer);
  EXPECT_TRUE(relay.last.empty()) << "the safety net's turn comes later";
}

TEST(relay_machine, ordered_has_at_most_one_unconfirmed_message_a_key) {
  auto relay = ordered();
  own_slots(relay);
  relay.claim_answers({row(1, "a"), row(2, "a"), row(3, "b"), row(4)});
  EXPECT_EQ(relay.sent(), (ids{"m1", "m3", "m4"}));
  relay.outcome(event::confirmed, 1);
  EXPECT_TRUE(relay.sent().empty()) << "not before the head's mark is written";
  relay.done(0);
  EXPECT_EQ(relay.sent(), ids{"m2"});
}

TEST(relay_machine, ordered_marks_at_once_what_a_later_message_of_its_key_waits_for) {
  auto relay = ordered({}, 40ms);
  own_slots(relay);
  auto head = row(3, "b");
  head.followed = true;  // in the store
  relay.claim_answers({row(1, "a"), row(2, "a"), head, row(4, "c")});
  relay.outcome(event::confirmed, 3);  // row 4
  EXPECT_EQ(relay.find(step::mark_sent), nullptr) << "nobody waits for it";
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr) << "row 2 waits in hand";
  relay.done(0);
  EXPECT_EQ(relay.sent(), ids{"m2"});
  relay.outcome(event::confirmed, 2);
  ASSERT_NE(relay.find(step::mark_sent), nullptr) << "another waits in the store";
  EXPECT_EQ(relay.find(step::mark_sent)->sequences, std::vector<std::int64_t>{3});
}

TEST(relay_machine, ordered_marks_at_once_what_a_message_claimed_later_waits_for) {
  auto relay = ordered({}, 40ms);
  own_slots(relay);
  relay.claim_answers({row(1, "a")});
  relay.outcome(event::confirmed, 1);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  relay.claim_answers({row(2, "a")}, "t2");
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
}

TEST(relay_machine, ordered_never_sends_a_follower_while_its_head_is_refused) {
  auto relay = ordered();
  own_slots(relay);
  relay.claim_answers({row(1, "a"), row(2, "a")});
  relay.outcome(event::refused, 1);
  EXPECT_TRUE(relay.sent().empty());
}

TEST(relay_machine, ordered_sends_a_faulted_head_before_its_followers) {
  auto relay = ordered({.confirm_timeout = 0ms});
  own_slots(relay);
  relay.claim_answers({row(1, "a"), row(2, "a")});
  relay.outcome(event::broker_fault, 1);
  relay.at(1s);
  relay.tell(event::timer);
  EXPECT_EQ(relay.sent(), ids{"m1"});
}

TEST(relay_machine, followers_of_a_parked_message_are_parked_where_that_is_asked_for) {
  auto relay = ordered({.parked_head_blocks = false});
  own_slots(relay);
  auto follower = row(2, "a");
  follower.behind_parked = true;
  relay.claim_answers({follower});
  EXPECT_TRUE(relay.sent().empty());
  ASSERT_NE(relay.find(step::fail), nullptr);
  EXPECT_TRUE(relay.find(step::fail)->failures.front().park);
}

// -- rows handed over by commits ------------------------------------------------------------------------------------------

relay_settings taking(relay_settings settings = {}) {
  settings.hand_over_token = "mine";
  return settings;
}

/// Started, with a store that was empty.
relay_script idle(relay_settings settings, std::chrono::milliseconds mark_delay = 0ms) {
  relay_script relay(std::move(settings), mark_delay);
  relay.tell(event::started);
  relay.claim_answers({});
  return relay;
}

TEST(relay_machine, a_handed_row_is_sent_at_once_and_nothing_is_claimed) {
  auto relay = idle(taking());
  ASSERT_TRUE(relay.machine.room_for_commits());
  EXPECT_EQ(relay.machine.terms_for_commits().token, "mine");
  relay.hand({row(1), row(2)}, relay.now);
  EXPECT_EQ(relay.sent(), (ids{"m1", "m2"}));
  EXPECT_FALSE(relay.find(step::send)->messages[0].maybe_sent);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  relay.done(0);
  EXPECT_EQ(relay.find(step::claim), nullptr);
  EXPECT_EQ(relay.machine.counts().handed, 2U);
  EXPECT_EQ(relay.machine.counts().claimed, 0U);
}

TEST(relay_machine, the_lease_of_a_handed_row_counts_from_before_its_commit) {
  auto relay = idle(taking({.lease = 3s, .margin = 1s, .confirm_timeout = 0ms, .hand_over_lease = 3s}));
  const auto begun = relay.now;
  relay.at(1900ms);
  relay.hand({row(1)}, begun);
  EXPECT_EQ(relay.sent(), ids{"m1"});
  EXPECT_EQ(relay.find(step::send)->messages[0].send_before, begun + 2s);
  relay.at(2s);
  relay.hand({row(2)}, begun);
  EXPECT_TRUE(relay.sent().empty()) << "a claim finds it when its lease is over";
  EXPECT_EQ(relay.machine.in_hand(), 1U);
}

TEST(relay_machine, rows_of_many_commits_are_renewed_together_and_keep_to_the_earliest_lease) {
  auto relay = idle(taking({.window = 1, .lease = 3s, .margin = 500ms, .confirm_timeout = 0ms, .hand_over_lease = 3s}));
  const auto begun = relay.now;
  relay.at(400ms);
  relay.hand({row(1)}, relay.now);
  relay.hand({row(2)}, begun);  // a slow commit
  EXPECT_EQ(relay.sent(), ids{}) << "the window is full";
  relay.at(1s);
  relay.tell(event::timer);
  ASSERT_NE(relay.find(step::renew), nullptr) << "a third of the earliest lease has passed";
  EXPECT_EQ(relay.find(step::renew)->token, "mine");
  EXPECT_EQ(relay.find(step::renew)->sequences.size(), 2U);
  relay.hand({row(3)}, begun + 900ms);
  relay.done(2);
  relay.at(1900ms);
  relay.tell(event::timer);
  ASSERT_NE(relay.find(step::renew), nullptr) << "that renewal was not for row 3";
  EXPECT_EQ(relay.find(step::renew)->sequences, std::vector<std::int64_t>{3});
}

TEST(relay_machine, a_row_handed_to_an_earlier_run_is_left_to_its_lease) {
  auto relay = idle(taking());
  relay.hand({row(1)}, relay.now, "of another run");
  EXPECT_TRUE(relay.sent().empty());
  EXPECT_EQ(relay.machine.in_hand(), 0U);
}

TEST(relay_machine, leases_of_an_earlier_run_are_claimed_when_they_are_over_although_polls_are_rare) {
  auto relay = idle(taking({.margin = 1s, .shortest_poll = 1h, .longest_poll = 1h, .hand_over_lease = 5s}));
  EXPECT_EQ(relay.machine.wake_at(), relay_script::start + 6s);
  relay.at(6s);
  relay.tell(event::timer);
  EXPECT_NE(relay.find(step::claim), nullptr);
  relay.claim_answers({});
  EXPECT_GE(relay.machine.wake_at(), relay_script::start + 1h);
}

TEST(relay_machine, commits_keep_their_rows_free_while_others_wait_in_the_store) {
  relay_script relay(taking({.batch = 4, .window = 4}));
  relay.tell(event::started);
  EXPECT_TRUE(relay.machine.room_for_commits()) << "a claim is under way";
  relay.claim_answers({row(1), row(2), row(3), row(4)});
  ASSERT_NE(relay.find(step::claim), nullptr);
  relay.claim_answers({row(5), row(6), row(7)}, "t2");
  EXPECT_EQ(relay.find(step::claim), nullptr) << "enough are queued";
  EXPECT_FALSE(relay.machine.room_for_commits()) << "although there is room: there may be more";
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::claim), nullptr);
  relay.claim_answers({});
  EXPECT_TRUE(relay.machine.room_for_commits());
}

TEST(relay_machine, a_relay_that_does_not_send_takes_nothing_from_commits) {
  auto relay = idle(taking());
  relay.tell(event::blocked);
  EXPECT_FALSE(relay.machine.room_for_commits());
  relay.tell(event::ready);
  EXPECT_TRUE(relay.machine.room_for_commits());
  relay.hand({row(1)}, relay.now);
  relay.outcome(event::broker_fault, 1);
  EXPECT_FALSE(relay.machine.room_for_commits()) << "paused";
  relay.tell(event::stop);
  EXPECT_FALSE(relay.machine.room_for_commits());
  EXPECT_FALSE(relay_script().machine.room_for_commits()) << "not started, and without a token";
}

TEST(relay_machine, what_it_takes_from_commits_is_bounded_by_rows_and_bytes) {
  auto relay = idle(taking({.batch = 2, .batch_bytes = 100, .window = 2}));
  EXPECT_EQ(relay.machine.room_for_commits()->rows, 4U);
  EXPECT_EQ(relay.machine.room_for_commits()->bytes, 400U);
  auto large = row(1);
  large.message.body = std::string(300, 'x');
  relay.hand({large}, relay.now);
  EXPECT_EQ(relay.machine.room_for_commits()->rows, 3U);
  EXPECT_EQ(relay.machine.room_for_commits()->bytes, 100U);
  relay.hand({row(2), row(3), row(4)}, relay.now);
  EXPECT_FALSE(relay.machine.room_for_commits());
  relay.outcome(event::confirmed, 1);
  relay.done(0);
  ASSERT_TRUE(relay.machine.room_for_commits());
  EXPECT_EQ(relay.machine.room_for_commits()->bytes, 400U);
}

TEST(relay_machine, a_handed_row_that_comes_while_it_stops_is_released) {
  auto relay = idle(taking({}));
  relay.hand({row(1)}, relay.now);
  relay.tell(event::stop);
  relay.hand({row(2)}, relay.now);
  ASSERT_NE(relay.find(step::release), nullptr);
  EXPECT_EQ(relay.find(step::release)->sequences, std::vector<std::int64_t>{2});
  EXPECT_EQ(relay.find(step::release)->token, "mine");
}

TEST(relay_machine, a_follower_that_a_commit_left_free_is_claimed_after_the_mark_of_its_head) {
  auto relay = ordered(taking(), 40ms);
  own_slots(relay);
  relay.claim_answers({});
  EXPECT_TRUE(relay.machine.terms_for_commits().ordered);
  relay.hand({row(1, "a")}, relay.now, "mine", {"a"});
  EXPECT_EQ(relay.sent(), ids{"m1"});
  EXPECT_EQ(relay.find(step::claim), nullptr) << "it would find nothing: row 2 waits behind row 1";
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr) << "somebody waits for the mark";
  relay.done(0);
  EXPECT_NE(relay.find(step::claim), nullptr);
}

TEST(relay_machine, a_row_that_a_commit_left_free_behind_none_in_hand_is_claimed_at_once) {
  auto relay = ordered(taking());
  own_slots(relay);
  relay.claim_answers({});
  relay.hand({}, relay.now, "mine", {"a"});
  EXPECT_NE(relay.find(step::claim), nullptr);
}

TEST(relay_machine, a_handed_row_waits_for_an_earlier_one_of_its_key_in_hand) {
  auto relay = ordered(taking());
  own_slots(relay);
  relay.claim_answers({row(1, "a")});
  relay.claim_answers({});
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  relay.hand({row(2, "a")}, relay.now);  // the store has the mark, and the relay has not heard of it
  EXPECT_TRUE(relay.sent().empty());
  relay.done(0);
  EXPECT_EQ(relay.sent(), ids{"m2"});
}

// -- stopping -----------------------------------------------------------------------------------------------------------

TEST(relay_machine, stopping_awaits_the_confirms_marks_them_and_releases_the_rest) {
  relay_script relay({.window = 1});
  relay.with_rows({row(1), row(2)});
  relay.claim_answers({});
  relay.tell(event::stop);
  ASSERT_NE(relay.find(step::release), nullptr);
  EXPECT_EQ(relay.find(step::release)->sequences, std::vector<std::int64_t>{2});
  relay.done(1);
  EXPECT_EQ(relay.find(step::finish), nullptr);
  relay.outcome(event::confirmed, 1);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
  relay.done(0);
  EXPECT_NE(relay.find(step::finish), nullptr);
  EXPECT_EQ(relay.machine.state(), relay_state::stopped);
}

TEST(relay_machine, rows_of_a_claim_that_answers_after_the_stop_are_released) {
  relay_script relay;
  relay.tell(event::started);
  relay.tell(event::stop);
  relay.claim_answers({row(1)});
  EXPECT_NE(relay.find(step::release), nullptr);
  EXPECT_TRUE(relay.sent().empty());
}

TEST(relay_machine, giving_up_leaves_what_is_out_to_its_lease) {
  relay_script relay;
  relay.with_rows({row(1)});
  relay.claim_answers({});
  relay.tell(event::stop);
  relay.tell(event::give_up);
  EXPECT_NE(relay.find(step::reset_channel), nullptr);
  EXPECT_EQ(relay.find(step::release), nullptr) << "it may be out: the next claim must know";
  EXPECT_NE(relay.find(step::finish), nullptr);
}

TEST(relay_machine, one_that_gives_up_asks_a_store_that_is_down_once_more_and_ends) {
  relay_script relay;
  relay.with_rows({row(1)});
  relay.claim_answers({});
  relay.outcome(event::confirmed, 1);
  ASSERT_NE(relay.find(step::mark_sent), nullptr);
  relay.tell(event::row_work_failed);
  relay.tell(event::stop);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr) << "the store has its pause";
  EXPECT_EQ(relay.find(step::finish), nullptr) << "it may come back in time";
  relay.tell(event::give_up);
  EXPECT_NE(relay.find(step::mark_sent), nullptr);
  relay.tell(event::row_work_failed);
  EXPECT_EQ(relay.find(step::mark_sent), nullptr);
  EXPECT_NE(relay.find(step::finish), nullptr);
}

TEST(relay_machine, a_stop_releases_what_certainly_never_left) {
  relay_script relay;
  relay.with_rows({row(1)});
  relay.claim_answers({});
  relay.tell(event::stop);
  relay.outcome(event::broker_fault, 1, true);
  EXPECT_NE(relay.find(step::release), nullptr);
}

TEST(relay_machine, an_idle_machine_stops_at_once) {
  relay_script relay;
  relay.tell(event::started);
  relay.claim_answers({});
  relay.tell(event::stop);
  EXPECT_NE(relay.find(step::finish), nullptr);
}

TEST(relay_machine, a_store_that_is_away_is_asked_again_with_growing_pauses) {
  relay_script relay;
  relay.tell(event::started);
  std::chrono::nanoseconds last{};
  for (int i = 0; i < 5; ++i) {
    relay.tell(event::claim_failed);
    EXPECT_EQ(relay.find(step::claim), nullptr);
    const auto wait = relay.machine.wake_at() - relay.now;
    EXPECT_GT(wait, last);
    last = wait;
    relay.now = relay.machine.wake_at();
    relay.tell(event::timer);
    EXPECT_NE(relay.find(step::claim), nullptr);
  }
}

}  // namespace
}  // namespace mamey
