#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "broker_model.hpp"
#include "consumer_process.hpp"
#include "relay_process.hpp"
#include "world.hpp"

namespace mamey::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
// Of each of the four profiles. A sanitizer looks at what the machines touch rather than at what they decide, and takes ten times as long.
constexpr std::uint64_t schedules = sanitized ? 250 : 2'500;

profile profile_of(bool ordered, bool counts_starts) { return {.ordered = ordered, .counts_starts = counts_starts}; }

/// MAMEY_SIM_SEED replays one schedule.
std::optional<std::uint64_t> seed_to_replay() {
  const char* const text = std::getenv("MAMEY_SIM_SEED");
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

std::string run_one(std::uint64_t seed, const profile& with, coverage& met) { return world(seed, with, met).run(); }

std::size_t possible(const auto& table) { return table.met.size() * table.met.front().size(); }

/// Pairs that every run of a profile reaches. Most of the table cannot be met at all (a delivery that waits for its inbox is not told of a
/// commit); a number that falls means that the world has become tamer than the machines.
struct least_reached {
  std::size_t relay, delivery, throttle, subscription;
};

void report(std::string_view machine, const auto& table, std::size_t least) {
  std::cout << "[ coverage ] " << machine << ": " << table.reached() << " of " << possible(table) << " (state, event) pairs, at least "
            << least << " required\n";
  EXPECT_GE(table.reached(), least) << machine;
}

void expect_promises_hold(const profile& with, const least_reached& least) {
  coverage met;
  if (const auto seed = seed_to_replay()) {
    EXPECT_EQ(run_one(*seed, with, met), "") << "seed " << *seed;
    return;
  }
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    ASSERT_EQ(run_one(seed, with, met), "") << "replay with MAMEY_SIM_SEED=" << seed;
  }
  std::cout << "[ schedules] " << schedules << "\n";
  if (sanitized) return;  // too few to reach every pair
  report("relay", met.relay, least.relay);
  report("delivery", met.delivery, least.delivery);
  report("throttle", met.throttle, least.throttle);
  report("subscription", met.subscription, least.subscription);
}

TEST(simulation, messages_of_any_order_arrive_and_take_effect_once) { expect_promises_hold(profile_of(false, false), {60, 18, 12, 13}); }
TEST(simulation, a_transport_that_counts_starts_keeps_the_same_promises) {
  expect_promises_hold(profile_of(false, true), {60, 16, 12, 13});
}
TEST(simulation, messages_of_a_key_take_effect_in_their_order) { expect_promises_hold(profile_of(true, false), {69, 14, 12, 13}); }
TEST(simulation, order_holds_where_what_fails_waits_in_the_store) {
  expect_promises_hold({.ordered = true, .keys_held_in_store = true}, {69, 20, 12, 13});
}
TEST(simulation, order_holds_on_a_transport_that_counts_starts) { expect_promises_hold(profile_of(true, true), {69, 12, 12, 13}); }

TEST(simulation, rules_for_failures_keep_every_promise) { expect_promises_hold({.rules = true}, {54, 18, 12, 29}); }
TEST(simulation, rules_for_failures_keep_the_order_of_a_key) {
  expect_promises_hold({.ordered = true, .keys_held_in_store = true, .rules = true}, {64, 20, 12, 29});
}
TEST(simulation, rules_for_failures_hold_on_a_transport_that_counts_starts) {
  expect_promises_hold({.counts_starts = true, .rules = true}, {54, 16, 12, 29});
}

/// One queue of two is full, as one with `x-overflow: reject-publish` may be; nothing else goes wrong.
profile full_queue() {
  return {.messages = 60,
          .relays = 1,
          .crash = 0,
          .stall = 0,
          .store_failure = 0,
          .broker_trouble = 0,
          .duplicate = 0,
          .commit_failure = 0,
          .slow_commit = 0,
          .full_queue = true,
          .calm = true};
}
TEST(simulation, messages_pass_those_to_a_full_queue) {
  coverage met;
  for (std::uint64_t seed = 1; seed <= schedules / 10; ++seed) ASSERT_EQ(run_one(seed, full_queue(), met), "") << "seed " << seed;
}
TEST(simulation, a_full_queue_changes_no_promise) { expect_promises_hold({.full_queue = true}, {58, 18, 12, 13}); }
TEST(simulation, order_holds_where_a_queue_is_full) { expect_promises_hold({.ordered = true, .full_queue = true}, {66, 14, 12, 12}); }

// -- seeded defects: each must be found within the schedules of one run ----------------------------------------------------

/// Runs schedules of all four profiles in turn until one breaks a promise; reports how many it took.
void expect_found(const injected_faults& faults, std::initializer_list<std::string_view> as_one_of, bool rules = false) {
  coverage met;
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    for (const bool ordered : {false, true}) {
      for (const bool counts_starts : {false, true}) {
        auto with = profile_of(ordered, counts_starts);
        with.faults = faults;
        with.rules = rules;
        const auto broken = run_one(seed, with, met);
        if (broken.empty()) continue;
        std::cout << "[  found   ] with seed " << seed << ": " << broken << "\n";
        bool expected = false;
        for (const auto words : as_one_of) expected = expected || broken.find(words) != std::string::npos;
        EXPECT_TRUE(expected) << "found, but as something else: " << broken;
        return;
      }
    }
  }
  ADD_FAILURE() << "not found in " << schedules * 4 << " schedules";
}

TEST(simulation_finds, a_row_marked_before_its_confirm) { expect_found({.mark_before_confirm = true}, {"never reached"}); }
TEST(simulation_finds, an_effect_committed_before_its_inbox_row) { expect_found({.effect_before_inbox_row = true}, {"happened twice"}); }
TEST(simulation_finds, a_lease_not_checked_again) { expect_found({.lease_not_rechecked = true}, {"without its lease"}); }
TEST(simulation_finds, a_head_skipped_in_ordered_mode) { expect_found({.head_skipped = true}, {" of key "}); }
TEST(simulation_finds, a_timer_not_armed_again) { expect_found({.timer_not_armed_again = true}, {"no progress"}); }
TEST(simulation_finds, a_message_discarded_when_its_retries_are_used_up) {
  expect_found({.exhausted_discarded = true}, {"no rule asks for that"}, true);
}
TEST(simulation_finds, a_message_settled_by_the_pause_that_it_caused) {
  expect_found({.paused_message_settled = true}, {"never reached"}, true);
}
TEST(simulation_finds, a_pause_that_is_forgotten) {
  expect_found({.pause_forgotten = true}, {"although its subscription is paused"}, true);
}
TEST(simulation_finds, a_full_queue_that_holds_up_everything) {
  coverage met;
  auto with = full_queue();
  with.faults.nack_pauses_all = true;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto broken = run_one(seed, with, met);
    if (broken.empty()) continue;
    EXPECT_NE(broken.find("waited behind"), std::string::npos) << broken;
    return;
  }
  ADD_FAILURE() << "not found";
}
TEST(simulation_finds, a_row_handed_over_before_its_commit_is_known) {
  expect_found({.handed_before_the_commit = true}, {"whose commit failed"});
}
TEST(simulation_finds, a_row_handed_over_without_a_lease) { expect_found({.handed_without_a_lease = true}, {"without its lease"}); }
TEST(simulation_finds, a_lease_counted_from_the_answer_of_a_slow_commit) {
  expect_found({.handed_lease_from_the_answer = true}, {"without its lease"});
}
TEST(simulation_finds, a_row_handed_over_twice) { expect_found({.handed_twice = true}, {"after it had marked it"}); }
TEST(simulation_finds, a_row_handed_over_before_an_earlier_one_of_its_key) { expect_found({.handed_out_of_order = true}, {" of key "}); }
TEST(simulation_finds, marks_lost_across_a_stop) { expect_found({.marks_lost_at_stop = true}, {"unmarked"}); }
TEST(simulation_finds, an_attempt_counted_after_the_work) { expect_found({.attempt_counted_after = true}, {"again and again"}); }

}  // namespace
}  // namespace mamey::simulation
