#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include <mamey/messaging/delivery_machine.hpp>

namespace mamey {
namespace {

using namespace std::chrono_literals;
using event = delivery_event;
using step = delivery_step;
using ending = delivery_ending;

constexpr std::array<std::chrono::milliseconds, 2> delays{1s, 10s};

recoverability rules() {
  return {.immediate_retries = 1, .immediate_delay = 10ms, .delayed_retries = delays, .jitter = 0, .start_limit = 3};
}

delivery_facts from_row(int rounds, int starts = 1) {
  return {.from_delayed_row = true, .starts_counted = true, .starts = starts, .earlier_rounds = rounds};
}

struct given {
  event what;
  int starts = 0;
};

/// What a delivery does, event by event.
struct story {
  const char* name;
  delivery_facts facts;
  recoverability with;
  std::vector<given> events;
  std::vector<step> steps;
  ending ends = ending::none;
};

const std::vector<story> stories{
    {"a first delivery runs at once: the commit decides about duplicates",
     {},
     rules(),
     {{event::begin}, {event::committed}},
     {step::run, step::acknowledge},
     ending::committed},
    {"the commit meets the inbox row",
     {},
     rules(),
     {{event::begin}, {event::already_handled}},
     {step::run, step::acknowledge},
     ending::duplicate},
    {"a redelivered message asks the inbox first",
     {.redelivered = true},
     rules(),
     {{event::begin}, {event::handled}},
     {step::check_inbox, step::acknowledge},
     ending::duplicate},
    {"a redelivered message counts its start before the work",
     {.redelivered = true},
     rules(),
     {{event::begin}, {event::not_handled}, {event::start_counted, 3}, {event::committed}},
     {step::check_inbox, step::count_start, step::run, step::acknowledge},
     ending::committed},
    {"too many starts without outcome: to the error store unrun",
     {.redelivered = true},
     rules(),
     {{event::begin}, {event::not_handled}, {event::start_counted, 4}, {event::stored}},
     {step::check_inbox, step::count_start, step::store_failure, step::acknowledge},
     ending::parked_unrun},
    {"a transport that counts starts needs no row of ours",
     {.redelivered = true, .starts_counted = true, .starts = 4},
     rules(),
     {{event::begin}, {event::not_handled}, {event::stored}},
     {step::check_inbox, step::store_failure, step::acknowledge},
     ending::parked_unrun},
    {"planned rounds of a delayed row are no starts without outcome",
     from_row(2, 3),
     rules(),
     {{event::begin}, {event::not_handled}, {event::committed}},
     {step::check_inbox, step::run, step::acknowledge},
     ending::committed},
    {"and those without one are no rounds",
     from_row(2, 4),
     rules(),
     {{event::begin}, {event::not_handled}, {event::stored}},
     {step::check_inbox, step::store_failure, step::acknowledge},
     ending::parked_unrun},
    {"a transient failure is tried again at once, then later",
     {},
     rules(),
     {{event::begin}, {event::failed_transient}, {event::waited}, {event::failed_transient}, {event::stored}},
     {step::run, step::wait, step::run, step::store_delayed, step::acknowledge},
     ending::delayed},
    {"the last round ends in the error store",
     from_row(2),
     rules(),
     {{event::begin}, {event::not_handled}, {event::failed_transient}, {event::waited}, {event::failed_transient}, {event::stored}},
     {step::check_inbox, step::run, step::wait, step::run, step::store_failure, step::acknowledge},
     ending::failed},
    {"a permanent failure is not tried again",
     {},
     rules(),
     {{event::begin}, {event::failed_permanent}, {event::stored}},
     {step::run, step::store_failure, step::acknowledge},
     ending::failed},
    {"nothing is acknowledged while the error store cannot be written",
     {},
     rules(),
     {{event::begin}, {event::failed_permanent}, {event::store_down}},
     {step::run, step::store_failure, step::give_back},
     ending::store_down},
    {"nor while the delayed row cannot",
     {},
     rules(),
     {{event::begin}, {event::failed_transient}, {event::waited}, {event::failed_transient}, {event::store_down}},
     {step::run, step::wait, step::run, step::store_delayed, step::give_back},
     ending::store_down},
    {"the inbox cannot be asked",
     {.redelivered = true},
     rules(),
     {{event::begin}, {event::store_down}},
     {step::check_inbox, step::give_back},
     ending::store_down},
    {"an unknown commit is run again only after asking the inbox",
     {},
     rules(),
     {{event::begin}, {event::outcome_unknown}, {event::waited}, {event::handled}},
     {step::run, step::wait, step::check_inbox, step::acknowledge},
     ending::duplicate},
    {"an unknown commit that did not happen",
     {},
     rules(),
     {{event::begin}, {event::outcome_unknown}, {event::waited}, {event::not_handled}, {event::committed}},
     {step::run, step::wait, step::check_inbox, step::run, step::acknowledge},
     ending::committed},
    {"an unknown commit without a message id is for people",
     {.has_id = false},
     rules(),
     {{event::begin}, {event::outcome_unknown}, {event::stored}},
     {step::run, step::store_failure, step::acknowledge},
     ending::failed},
    {"without a message id nothing can be asked or counted",
     {.has_id = false, .redelivered = true},
     rules(),
     {{event::begin}, {event::committed}},
     {step::run, step::acknowledge},
     ending::committed},
    {"an expired message is dropped", {.expired = true}, rules(), {{event::begin}}, {step::acknowledge}, ending::expired},
    {"so is its delayed row",
     {.from_delayed_row = true, .expired = true},
     rules(),
     {{event::begin}, {event::stored}},
     {step::finish_row, step::acknowledge},
     ending::expired},
    {"a delayed row that was handled meanwhile is removed",
     from_row(1),
     rules(),
     {{event::begin}, {event::handled}, {event::stored}},
     {step::check_inbox, step::finish_row, step::acknowledge},
     ending::duplicate},
    {"a message too new waits for a newer reader",
     {.too_new = true},
     rules(),
     {{event::begin}, {event::stored}},
     {step::store_delayed, step::acknowledge},
     ending::too_new},
    {"but not for ever",
     {.too_new = true, .too_new_for = 10min},
     rules(),
     {{event::begin}, {event::stored}},
     {step::store_failure, step::acknowledge},
     ending::failed},
    {"a handler cancelled by the stop gives its message back",
     {},
     rules(),
     {{event::begin}, {event::interrupted}},
     {step::run, step::give_back},
     ending::interrupted},
    {"a message somebody else handles is put back",
     {},
     rules(),
     {{event::begin}, {event::busy}},
     {step::run, step::give_back},
     ending::busy},
    {"without a store a failing message is given back with a delay",
     {.starts = 1},
     {.immediate_retries = 0, .delayed_retries = delays, .has_store = false},
     {{event::begin}, {event::failed_transient}},
     {step::run, step::give_back},
     ending::delayed},
    {"and lost at last",
     {.starts = 3},
     {.immediate_retries = 0, .delayed_retries = delays, .has_store = false},
     {{event::begin}, {event::failed_transient}},
     {step::run, step::acknowledge},
     ending::lost},
    {"in an ordered queue a failing message keeps its place",
     {.starts = 1},
     {.immediate_retries = 0, .delayed_retries = delays, .retries_in_place = true},
     {{event::begin}, {event::failed_transient}},
     {step::run, step::give_back},
     ending::delayed},
    {"until its rounds are over",
     {.starts_counted = true, .starts = 3},
     {.immediate_retries = 0, .delayed_retries = delays, .retries_in_place = true},
     {{event::begin}, {event::not_handled}, {event::failed_transient}, {event::stored}},
     {step::check_inbox, step::run, step::store_failure, step::acknowledge},
     ending::failed},
    {"behind a key held in the store a message waits there, looked at by nobody",
     {.redelivered = true, .keyed = true},
     {.keys_held_in_store = true},
     {{event::begin}, {event::queued_behind}},
     {step::queue_behind, step::acknowledge},
     ending::behind},
    {"with nothing ahead it runs, and holds its key when it fails",
     {.keyed = true},
     {.immediate_retries = 0, .delayed_retries = delays, .keys_held_in_store = true},
     {{event::begin}, {event::nothing_ahead}, {event::failed_transient}, {event::stored}},
     {step::queue_behind, step::run, step::store_delayed, step::acknowledge},
     ending::delayed},
    {"when the store cannot say, it goes back",
     {.keyed = true},
     {.keys_held_in_store = true},
     {{event::begin}, {event::store_down}},
     {step::queue_behind, step::give_back},
     ending::store_down},
    {"a row that holds its key does not wait behind itself",
     {.from_delayed_row = true, .starts_counted = true, .starts = 1, .keyed = true},
     {.keys_held_in_store = true},
     {{event::begin}, {event::not_handled}, {event::committed}},
     {step::check_inbox, step::run, step::acknowledge},
     ending::committed},
};

TEST(delivery_machine, every_story_ends_as_the_contract_says) {
  for (const auto& each : stories) {
    delivery_machine machine(each.with, each.facts);
    std::vector<step> steps;
    for (const auto& [what, starts] : each.events) steps.push_back(machine.on(what, starts).step);
    EXPECT_EQ(steps, each.steps) << each.name;
    EXPECT_EQ(machine.ending(), each.ends) << each.name;
    EXPECT_EQ(machine.state(), delivery_state::done) << each.name;
  }
}

TEST(delivery_machine, delays_grow_with_the_rounds_and_carry_their_number) {
  for (int round = 1; round <= 2; ++round) {
    auto one_try = rules();
    one_try.immediate_retries = 0;
    delivery_machine machine(one_try, from_row(round - 1, 3));
    machine.on(event::begin);
    machine.on(event::not_handled);
    const auto action = machine.on(event::failed_transient);
    EXPECT_EQ(action.step, step::store_delayed);
    EXPECT_EQ(action.delay, delays[static_cast<std::size_t>(round - 1)]);
    EXPECT_EQ(action.rounds, round);
  }
}

TEST(delivery_machine, jitter_only_lengthens_a_delay) {
  auto with = rules();
  with.immediate_retries = 0;
  with.jitter = 0.5;
  delivery_machine machine(with, {.random = 0.5});
  machine.on(event::begin);
  EXPECT_EQ(machine.on(event::failed_transient).delay, 1250ms);
}

TEST(delivery_machine, waiting_for_a_newer_reader_costs_no_round) {
  auto facts = from_row(1);
  facts.too_new = true;
  delivery_machine machine(rules(), facts);
  EXPECT_EQ(machine.on(event::begin).rounds, 1);
}

TEST(delivery_machine, a_start_counted_for_nothing_is_taken_back) {
  delivery_machine machine(rules(), {.redelivered = true});
  machine.on(event::begin);
  machine.on(event::not_handled);
  machine.on(event::start_counted, 1);
  const auto action = machine.on(event::interrupted);
  EXPECT_EQ(action.counting, start_counting::uncounted);
  EXPECT_EQ(action.undo, start_undo::one);
}

TEST(delivery_machine, a_busy_message_waits_a_bounded_time_and_costs_no_attempt) {
  auto with = rules();
  with.jitter = 0.5;
  delivery_machine redelivered(with, {.redelivered = true, .random = 0.999});
  redelivered.on(event::begin);
  redelivered.on(event::not_handled);
  redelivered.on(event::start_counted, 1);
  const auto back = redelivered.on(event::busy);
  EXPECT_EQ(back.counting, start_counting::uncounted);
  EXPECT_EQ(back.undo, start_undo::one);
  EXPECT_GE(back.delay, 1s);
  EXPECT_LE(back.delay, 1'500ms);
  delivery_machine row(rules(), from_row(2));
  row.on(event::begin);
  row.on(event::not_handled);
  EXPECT_EQ(row.on(event::busy).counting, start_counting::uncounted);
}

TEST(delivery_machine, the_starts_of_a_message_to_be_parked_stay_counted_when_the_store_fails) {
  delivery_machine machine(rules(), {.redelivered = true});
  machine.on(event::begin);
  machine.on(event::not_handled);
  machine.on(event::start_counted, 4);
  EXPECT_EQ(machine.on(event::store_down).undo, start_undo::none);
}

TEST(delivery_machine, the_first_start_that_is_counted_takes_the_one_before_it_for_granted) {
  delivery_machine machine(rules(), {.redelivered = true});
  machine.on(event::begin);
  const auto action = machine.on(event::not_handled);
  EXPECT_EQ(action.step, step::count_start);
  EXPECT_EQ(action.presumed, 1);
}

TEST(delivery_machine, a_round_in_place_ends_the_count_of_starts_without_outcome) {
  auto in_place = rules();
  in_place.immediate_retries = 0;
  in_place.retries_in_place = true;
  delivery_machine machine(in_place, {.redelivered = true, .starts = 2});
  machine.on(event::begin);
  machine.on(event::not_handled);
  machine.on(event::start_counted, 1);
  const auto action = machine.on(event::failed_transient);
  EXPECT_EQ(action.step, step::give_back);
  EXPECT_EQ(action.counting, start_counting::counted) << "for the transport it was a round";
  EXPECT_EQ(action.undo, start_undo::all);
}

/// What becomes of a redelivered message at this start, by its own count or the transport's.
step at_start(const recoverability& with, int starts, bool by_the_transport) {
  delivery_machine machine(with, {.redelivered = true, .starts_counted = by_the_transport, .starts = starts});
  auto next = machine.on(event::begin).step;
  if (next == step::check_inbox) next = machine.on(event::not_handled).step;
  return next == step::count_start ? machine.on(event::start_counted, starts).step : next;
}

TEST(delivery_machine, in_place_or_without_a_store_a_message_that_kills_gets_no_more_starts_than_elsewhere) {
  auto in_place = rules();  // three rounds, three starts
  in_place.retries_in_place = true;
  for (const bool by_the_transport : {false, true}) {
    EXPECT_EQ(at_start(in_place, 3, by_the_transport), step::run);
    EXPECT_EQ(at_start(in_place, 4, by_the_transport), step::store_failure);
  }
  auto storeless = rules();
  storeless.has_store = false;
  EXPECT_EQ(at_start(storeless, 3, true), step::run);
  EXPECT_EQ(at_start(storeless, 4, true), step::acknowledge);
}

TEST(delivery_machine, a_transport_s_count_parks_nothing_before_its_rounds_are_over) {
  auto in_place = rules();
  in_place.retries_in_place = true;
  in_place.start_limit = 1;
  EXPECT_EQ(at_start(in_place, 3, true), step::run);
  EXPECT_EQ(at_start(in_place, 2, false), step::run) << "one of them is presumed";
  EXPECT_EQ(at_start(in_place, 3, false), step::store_failure) << "our own has no rounds in it";
}

TEST(delivery_machine, a_delivery_goes_back_when_one_of_its_handlers_needs_it_again) {
  const delivery_action done{.step = step::acknowledge};
  const delivery_action soon{.step = step::give_back, .delay = 1s};
  const delivery_action later{.step = step::give_back, .delay = 5s, .counting = start_counting::uncounted};
  EXPECT_EQ(combine(done, done).step, step::acknowledge);
  EXPECT_EQ(combine(done, soon).step, step::give_back);
  EXPECT_EQ(combine(soon, done).step, step::give_back);
  EXPECT_EQ(combine(soon, later).delay, 5s);
  EXPECT_EQ(combine(soon, later).counting, start_counting::uncounted);
}

}  // namespace
}  // namespace mamey
