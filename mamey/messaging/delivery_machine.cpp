#include <mamey/messaging/delivery_machine.hpp>

#include <algorithm>

#include <mamey/core/invariants.hpp>

namespace mamey::inline v1 {

delivery_machine::delivery_machine(const recoverability& rules, const delivery_facts& facts, injected_faults faults,
                                   const failure_plan* plan)
    : rules_(rules),
      facts_(facts),
      faults_(faults),
      plan_(plan),
      usual_(plan ? schedule_of(plan->usual)
                  : schedule{.immediate_retries = rules.immediate_retries, .delayed_retries = rules.delayed_retries}),
      most_immediate_(plan ? plan->most_immediate_retries() : rules.immediate_retries),
      most_delayed_(static_cast<int>(plan ? plan->most_delayed_retries() : rules.delayed_retries.size())) {}

delivery_action delivery_machine::on(delivery_event event, int starts, std::string_view error_code) {
  using enum delivery_event;
  const detail::invariants_after asserted(*this, "delivery_machine", faults_ == injected_faults{});
  switch (event) {
    case begin:
      return this->begin();
    case nothing_ahead:
      return look_whether_handled();
    case queued_behind:
      return settle(delivery_ending::behind);
    case not_handled:
      if (check_again_) return run();
      return before_run();
    case handled:
    case already_handled:
      return settle(delivery_ending::duplicate);
    case start_counted:
      if (faults_.attempt_counted_after) return settle(delivery_ending::committed);
      return after_count(starts);
    case committed:
      if (faults_.attempt_counted_after && facts_.redelivered && deduplicates()) {
        state_ = delivery_state::counting;
        return {.step = delivery_step::count_start, .presumed = 1};
      }
      return settle(delivery_ending::committed);
    case failed_transient:
    case failed_permanent:
    case outcome_unknown:
      return react(event, error_code);
    case interrupted:
      return give_back({}, start_counting::uncounted, delivery_ending::interrupted);
    case busy:
      return give_back(jittered(rules_.busy_delay), start_counting::uncounted, delivery_ending::busy);
    case waited:
      if (!check_again_) return run();
      state_ = delivery_state::checking;
      return {.step = delivery_step::check_inbox};
    case stored:
      return settle(ending_);
    case store_down:
      return give_back(rules_.store_down_delay, start_counting::uncounted, delivery_ending::store_down);
  }
  return give_back({}, start_counting::uncounted, delivery_ending::interrupted);
}

std::string_view delivery_machine::check() const {
  using enum delivery_state;
  const auto is_one_of = [this](auto... states) { return ((state_ == states) || ...); };
  if (tries_ > most_immediate_ + 1) return "a round has the first attempt and its immediate retries, and no more";
  if (is_one_of(running, waiting) && tries_ == 0) return "a delivery that runs or waits for its next run has begun an attempt";
  if (is_one_of(checking, counting) && !deduplicates()) return "the inbox is asked only where there is one, and for messages with an id";
  if (is_one_of(delaying, failing) && !rules_.has_store) return "rows are stored only where there is a store";
  if (state_ == finishing && !facts_.from_delayed_row) return "only a delayed row is finished";
  if (state_ == queueing && (!rules_.keys_held_in_store || !facts_.keyed || facts_.from_delayed_row))
    return "only a fresh delivery with a key waits behind a row";
  if (is_one_of(delaying, failing, finishing, done) && ending_ == delivery_ending::none) return "a delivery ends for a reason";
  if (is_one_of(fresh, queueing, counting, running, waiting) && ending_ != delivery_ending::none)
    return "a delivery that has not ended has no reason for its end";
  if (counted_ && facts_.starts_counted) return "a start is counted once";
  if (ending_ == delivery_ending::committed && tries_ == 0) return "a commit needs a run";
  if (ending_ == delivery_ending::parked_unrun && tries_ > 0) return "a message with too many starts is not run";
  return {};
}

delivery_action delivery_machine::begin() {
  if (facts_.expired) return settle(delivery_ending::expired);
  if (rules_.keys_held_in_store && facts_.keyed && !facts_.from_delayed_row) {
    state_ = delivery_state::queueing;
    return {.step = delivery_step::queue_behind};
  }
  return look_whether_handled();
}

delivery_action delivery_machine::look_whether_handled() {
  if (facts_.too_new) {
    if (facts_.too_new_for >= rules_.rollout_window) return fail(delivery_ending::failed);
    return delay(rules_.rollout_delay, facts_.earlier_rounds, start_counting::uncounted, delivery_ending::too_new);
  }
  const bool seen_before = facts_.look_first || facts_.redelivered || facts_.from_delayed_row || facts_.starts > 1;
  if (seen_before && deduplicates()) {
    state_ = delivery_state::checking;
    return {.step = delivery_step::check_inbox};
  }
  return before_run();
}

delivery_action delivery_machine::before_run() {
  if (faults_.attempt_counted_after) return run();
  if (facts_.starts_counted) return after_count(facts_.starts);
  if (facts_.redelivered && deduplicates()) {
    // A first delivery costs no write. That it came to a start, a redelivery takes for granted: else the message could kill once more.
    state_ = delivery_state::counting;
    return {.step = delivery_step::count_start, .presumed = 1};
  }
  return run();
}

delivery_action delivery_machine::after_count(int starts) {
  if (starts > limit()) return fail(delivery_ending::parked_unrun);  // the count stays until the record is durable
  counted_ = !facts_.starts_counted;
  return run();
}

delivery_action delivery_machine::run() {
  state_ = delivery_state::running;
  check_again_ = false;
  ++tries_;
  return {.step = delivery_step::run};
}

delivery_action delivery_machine::react(delivery_event failure, std::string_view error_code) {
  const auto* const decided = plan_ ? &plan_->of(error_code) : nullptr;
  switch (decided ? decided->reaction : failure_reaction::retry) {
    case failure_reaction::discard:
      return discard();
    case failure_reaction::error_store:
      return fail(delivery_ending::failed);
    case failure_reaction::pause: {
      if (faults_.paused_message_settled) return settle(delivery_ending::paused);
      // Its start has an outcome, and it is not the message that must be stopped by a count.
      auto back = give_back({}, start_counting::uncounted, delivery_ending::paused);
      back.pause_for = decided->pause_for;
      return back;
    }
    case failure_reaction::retry:
      break;
  }
  if (failure == delivery_event::failed_permanent && !(decided && decided->permanent_too)) return fail(delivery_ending::failed);
  if (failure == delivery_event::outcome_unknown) {
    // Only the inbox can tell; without it, running again could repeat the effects.
    if (!deduplicates()) return fail(delivery_ending::failed);
    check_again_ = true;
  }
  return retry(decided ? schedule_of(*decided) : usual_);
}

/// The inbox row stops a redelivery; a commit whose outcome was unknown is found there, and then nothing was discarded.
delivery_action delivery_machine::discard() {
  if (!rules_.has_store) return settle(delivery_ending::discarded);
  state_ = delivery_state::failing;
  ending_ = delivery_ending::discarded;
  return {.step = delivery_step::store_failure, .ending = delivery_ending::discarded};
}

delivery_action delivery_machine::retry(const schedule& how) {
  if (tries_ <= how.immediate_retries) {
    state_ = delivery_state::waiting;
    return {.step = delivery_step::wait, .delay = jittered(rules_.immediate_delay * (1 << std::min(tries_ - 1, 10)))};
  }
  const auto next = static_cast<std::size_t>(round() - 1);
  if (next >= how.delayed_retries.size()) return faults_.exhausted_discarded ? discard() : fail(delivery_ending::failed);
  return delay(jittered(how.delayed_retries[next]), round(), start_counting::counted, delivery_ending::delayed);
}

delivery_action delivery_machine::delay(std::chrono::milliseconds span, int rounds, start_counting counting, delivery_ending ending) {
  if (!rules_.has_store || (rules_.retries_in_place && !facts_.from_delayed_row)) return give_back(span, counting, ending);
  state_ = delivery_state::delaying;
  ending_ = ending;
  return {.step = delivery_step::store_delayed, .delay = span, .rounds = rounds, .ending = ending};
}

delivery_action delivery_machine::fail(delivery_ending ending) {
  if (!rules_.has_store) return settle(delivery_ending::lost);  // nowhere to keep it: the log has it
  state_ = delivery_state::failing;
  ending_ = ending;
  return {.step = delivery_step::store_failure, .ending = ending};
}

delivery_action delivery_machine::settle(delivery_ending ending) {
  const bool row_left = facts_.from_delayed_row && (ending == delivery_ending::duplicate || ending == delivery_ending::expired) &&
                        state_ != delivery_state::finishing;
  ending_ = ending;
  if (row_left) {
    state_ = delivery_state::finishing;
    return {.step = delivery_step::finish_row, .ending = ending};
  }
  state_ = delivery_state::done;
  return {.step = delivery_step::acknowledge, .ending = ending};
}

delivery_action delivery_machine::give_back(std::chrono::milliseconds delay, start_counting counting, delivery_ending ending) {
  state_ = delivery_state::done;
  ending_ = ending;
  auto undo = start_undo::none;
  if (counted_ && ending == delivery_ending::delayed)
    undo = start_undo::all;
  else if (counted_ && counting == start_counting::uncounted)
    undo = start_undo::one;
  return {.step = delivery_step::give_back,
          .delay = delay,
          .rounds = facts_.earlier_rounds,
          .counting = counting,
          .ending = ending,
          .undo = undo};
}

int delivery_machine::round() const noexcept {
  const bool counted_in_place = !facts_.from_delayed_row && (rules_.retries_in_place || !rules_.has_store);
  return counted_in_place ? std::max(facts_.starts, 1) : facts_.earlier_rounds + 1;
}

int delivery_machine::limit() const noexcept {
  if (facts_.from_delayed_row) return rules_.start_limit;
  // Our own count has a start in it that is only presumed: none is parked for that alone.
  if (!facts_.starts_counted) return std::max(rules_.start_limit, 2);
  // Starts of planned rounds are not starts without outcome. A transport's count has them in it where retries go through it: none is parked
  // before its rounds are over.
  const auto rounds = most_delayed_ + 1;
  return rules_.retries_in_place || !rules_.has_store ? std::max(rules_.start_limit, rounds) : rules_.start_limit;
}

std::chrono::milliseconds delivery_machine::jittered(std::chrono::milliseconds span) const {
  return span + std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(span.count()) * rules_.jitter * facts_.random));
}

delivery_action combine(const delivery_action& first, const delivery_action& second) {
  if (first.step != delivery_step::give_back) return second;
  if (second.step != delivery_step::give_back) return first;
  delivery_action both = first;
  both.delay = std::max(first.delay, second.delay);
  // One that asks not to count must not be starved into the error store by another's attempts.
  if (second.counting == start_counting::uncounted) both.counting = start_counting::uncounted;
  return both;
}

}  // namespace mamey::inline v1
