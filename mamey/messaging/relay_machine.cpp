#include <mamey/messaging/relay_machine.hpp>

#include <algorithm>
#include <utility>

#include <mamey/core/invariants.hpp>
#include <mamey/messaging/message_headers.hpp>

namespace mamey::inline v1 {

relay_machine::relay_machine(relay_settings settings, std::uint64_t seed, injected_faults faults)
    : settings_(std::move(settings)),
      faults_(faults),
      random_(static_cast<std::minstd_rand::result_type>(seed % 2147483646 + 1)),
      poll_(settings_.shortest_poll),
      pause_(settings_.shortest_pause),
      store_pause_(store_pauses_from) {}

relay_state relay_machine::state() const noexcept {
  if (stopped_) return relay_state::stopped;
  if (stopping_) return relay_state::stopping;
  if (paused(now_)) return relay_state::paused;
  if (!rows_.empty()) return relay_state::sending;
  return claim_out_ ? relay_state::claiming : relay_state::idle;
}

std::vector<relay_action> relay_machine::on(steady_time now, relay_input input) {
  const detail::invariants_after asserted(*this, "relay_machine", faults_ == injected_faults{});
  actions out;
  now_ = now;
  switch (input.event) {
    case relay_event::started:
      started_ = true;
      // Rows may be leased to an earlier run that has never heard of them.
      if (!settings_.hand_over_token.empty()) old_leases_end_ = now + settings_.hand_over_lease + settings_.margin;
      break;
    case relay_event::timer:
      break;
    case relay_event::woken:
      wake_up();
      break;
    case relay_event::claimed:
      take_claim(now, std::move(input.rows));
      break;
    case relay_event::claim_failed:
      claim_out_ = false;
      claim_wanted_ = true;
      store_failed(now);
      break;
    case relay_event::slots_leased:
      slots_out_ = false;
      slots_ = input.applied;
      slots_until_ = slots_issued_ + settings_.lease - settings_.margin;
      slots_renew_at_ = slots_issued_ + settings_.lease / 3;
      store_answered();
      break;
    case relay_event::slots_failed:
      slots_out_ = false;
      store_failed(now);
      break;
    case relay_event::confirmed:
    case relay_event::unroutable:
    case relay_event::refused:
    case relay_event::broker_fault:
    case relay_event::nacked:
      settle_flight(now, input);
      break;
    case relay_event::row_work_done:
      end_row_work(now, true, input.applied);
      break;
    case relay_event::row_work_failed:
      end_row_work(now, false, 0);
      break;
    case relay_event::blocked:
      blocked_ = true;
      break;
    case relay_event::down:
      pause(now);
      break;
    case relay_event::ready:
      if (std::exchange(blocked_, false)) {
        for (auto& [tag, each] : out_) each.since = now;  // the silence was not theirs
      }
      pause_until_ = std::min(pause_until_, now);
      break;
    case relay_event::stop:
      begin_stop();
      break;
    case relay_event::give_up:
      give_up(out);
      break;
    case relay_event::handed:
      take_handed(now, std::move(input.handed));
      break;
  }
  if (!stopped_) advance(now, out);
  return out;
}

// -- claims -----------------------------------------------------------------------------------------------------------

void relay_machine::take_claim(steady_time now, claim&& rows) {
  claim_out_ = false;
  store_answered();
  counts_.claimed += rows.rows.size();
  if (rows.rows.empty()) {
    claim_wanted_ = std::exchange(woken_while_claiming_, false);
    poll_at_ = faults_.timer_not_armed_again ? steady_time::max() : now + jittered(poll_);
    if (now < old_leases_end_) poll_at_ = std::min(poll_at_, old_leases_end_);
    poll_ = std::min<std::chrono::nanoseconds>(poll_ * 2, settings_.longest_poll);
    return;
  }
  claim_wanted_ = true;  // there may be more
  woken_while_claiming_ = false;
  poll_ = settings_.shortest_poll;
  const auto id = ++next_batch_;
  batches_[id] = {.token = std::move(rows.token),
                  .deadline = claim_issued_ + settings_.lease - settings_.margin,
                  .renew_at = claim_issued_ + settings_.lease / 3};
  for (auto& each : rows.rows) {
    const auto sequence = each.sequence;
    adopt(sequence, std::move(each), id);
  }
  if (stopping_) release_queue();
  if (const auto mine = batches_.find(id); mine != batches_.end() && mine->second.rows == 0) batches_.erase(mine);
}

void relay_machine::adopt(std::int64_t sequence, claimed_message&& incoming, std::uint64_t batch_id) {
  const auto [found, fresh] = rows_.try_emplace(sequence);
  row& mine = found->second;
  if (!fresh && mine.at == phase::settled) return;  // sent; only its mark is late, and a mark needs no token
  leave_batch(mine);
  mine.batch = batch_id;
  ++batches_[batch_id].rows;
  if (!fresh) {  // our own lease ran out, and this claim took the row again
    for (auto& each : to_fail_) {
      if (each.what.sequence == sequence) each.batch = batch_id;
    }
    return;
  }
  mine.message = std::make_shared<const envelope>(std::move(incoming.message));
  mine.attempts = incoming.attempts;
  mine.reclaimed = incoming.reclaimed;
  mine.behind_parked = incoming.behind_parked;
  mine.followed = incoming.followed;
  enqueue(sequence, mine);
}

void relay_machine::enqueue(std::int64_t sequence, row& mine) {
  bytes_ += mine.message->body.size();
  mine.to = closed_for(*mine.message);
  if (is_ordered(mine) && keys_out_.contains(mine.message->key)) {
    for (auto& [number, each] : rows_) each.followed = each.followed || (number < sequence && each.message->key == mine.message->key);
  }
  queue_.insert(sequence);
}

// -- rows handed over by commits ----------------------------------------------------------------------------------------

std::optional<hand_over_room> relay_machine::room_for_commits() const {
  if (settings_.hand_over_token.empty() || !started_ || stopping_ || paused(now_) || probing_ || hand_is_full()) return std::nullopt;
  if (!claim_out_ && (claim_wanted_ || now_ >= poll_at_)) return std::nullopt;  // what waits in the store comes first
  if (settings_.ordered && (slots_ == 0 || now_ >= slots_until_)) return std::nullopt;
  const auto most_bytes = settings_.batch_bytes * 4;
  if (bytes_ >= most_bytes) return std::nullopt;
  const auto counted = rows_.size() - std::min(held_, queue_.size());
  return hand_over_room{.rows = settings_.window + settings_.batch - counted, .bytes = most_bytes - bytes_};
}

hand_over_terms relay_machine::terms_for_commits() const {
  return {.token = settings_.hand_over_token, .lease = settings_.hand_over_lease, .ordered = settings_.ordered, .owner = settings_.owner};
}

/// Rows whose lease is over by now, or was given to another run, are left to a claim.
void relay_machine::take_handed(steady_time now, handed_rows&& handed) {
  if (stopped_ || handed.token.empty() || handed.token != settings_.hand_over_token) return;
  if (faults_.handed_lease_from_the_answer) handed.since = now;
  if (!handed.rows.empty() && now < handed.since + settings_.hand_over_lease - settings_.margin) {
    const auto id = batch_of_handed(now, handed.since);
    for (auto& each : handed.rows) {
      const auto [found, fresh] = rows_.try_emplace(each.sequence);
      if (!fresh) continue;  // claimed meanwhile, by a clock that was set forward
      ++counts_.handed;
      found->second.message = std::move(each.message);
      found->second.batch = id;
      ++batches_[id].rows;
      enqueue(each.sequence, found->second);
    }
    if (stopping_) release_queue();
    if (const auto mine = batches_.find(id); mine != batches_.end() && mine->second.rows == 0) batches_.erase(mine);
  }
  for (const auto& key : handed.free_keys) note_follower(key);
}

/// One batch takes the rows of many commits, so that one statement renews them. It keeps to the earliest of their leases.
std::uint64_t relay_machine::batch_of_handed(steady_time now, steady_time since) {
  const auto deadline = since + settings_.hand_over_lease - settings_.margin, renew_at = since + settings_.hand_over_lease / 3;
  if (now < handed_batch_until_ && batches_.contains(handed_batch_)) {
    auto& open = batches_[handed_batch_];
    open.deadline = std::min(open.deadline, deadline);
    open.renew_at = std::min(open.renew_at, renew_at);
    return handed_batch_;
  }
  handed_batch_ = ++next_batch_;
  handed_batch_until_ = now + settings_.hand_over_lease / 6;
  batches_[handed_batch_] = {.token = settings_.hand_over_token, .deadline = deadline, .renew_at = renew_at};
  return handed_batch_;
}

/// A commit inserted a row free. When an earlier one of its key is in hand, the claim after that one's mark finds it.
void relay_machine::note_follower(const std::string& key) {
  bool waits_for_mark = false;
  for (auto& [sequence, each] : rows_) {
    if (!is_ordered(each) || each.message->key != key) continue;
    each.followed = waits_for_mark = true;
  }
  if (!waits_for_mark) wake_up();
}

void relay_machine::wake_up() {
  claim_wanted_ = true;
  woken_while_claiming_ = claim_out_;
  poll_ = settings_.shortest_poll;
}

/// Claims go on past the rows that are held back.
bool relay_machine::hand_is_full() const { return rows_.size() - std::min(held_, queue_.size()) >= settings_.window + settings_.batch; }

bool relay_machine::can_claim(steady_time now) const {
  if (!started_ || stopping_ || claim_out_ || paused(now) || now < store_retry_at_) return false;
  if (queue_.size() - std::min(held_, queue_.size()) > settings_.batch / 2 || hand_is_full()) return false;
  return !settings_.ordered || (slots_ > 0 && now < slots_until_);
}

void relay_machine::start_claim(steady_time now, actions& out) {
  if (!can_claim(now) || (!claim_wanted_ && now < poll_at_)) return;
  claim_out_ = true;
  claim_wanted_ = false;
  woken_while_claiming_ = false;
  claim_issued_ = now;
  out.push_back({.step = relay_step::claim,
                 .request = {.most_rows = settings_.batch,
                             .most_bytes = settings_.batch_bytes,
                             .lease = settings_.lease,
                             .ordered = settings_.ordered && !faults_.head_skipped,
                             .owner = settings_.owner,
                             .parked_head_blocks = settings_.parked_head_blocks}});
}

void relay_machine::lease_slots(steady_time now, actions& out) {
  if (!settings_.ordered || !started_ || stopping_ || slots_out_ || now < store_retry_at_ || now < slots_renew_at_) return;
  slots_out_ = true;
  slots_issued_ = now;
  out.push_back({.step = relay_step::lease_slots,
                 .request = {.most_rows = settings_.most_slots, .lease = settings_.lease, .owner = settings_.owner}});
}

// -- sending ----------------------------------------------------------------------------------------------------------

bool relay_machine::may_send(steady_time now, const row& which) const {
  const auto held = batches_.find(which.batch);
  if (!faults_.lease_not_rechecked && (held == batches_.end() || now >= held->second.deadline)) return false;
  if (which.to != nullptr && !which.to->takes(now)) return false;
  if (keys_out_.contains(which.message->key)) return false;
  return which.message->id.empty() || !ids_out_.contains(which.message->id);
}

void relay_machine::send(steady_time now, actions& out) {
  if (stopping_ || paused(now)) return;
  const std::size_t window = probing_ ? 1 : settings_.window;
  const int most_faults = probing_ ? fewest_faults(now) : std::numeric_limits<int>::max();
  relay_action handing{.step = relay_step::send};
  std::unordered_set<std::string> waiting_keys;  // ordered: whose earlier message must wait, so must the later ones
  for (auto next = queue_.begin(); next != queue_.end() && out_.size() < window;) {
    const auto sequence = *next;
    row& which = rows_.at(sequence);
    if (which.behind_parked) {
      next = queue_.erase(next);
      park(sequence, which, "behind a parked message of its key");
    } else if (!may_send(now, which) || faults_of(which) > most_faults || waiting_keys.contains(which.message->key)) {
      if (is_ordered(which)) waiting_keys.insert(which.message->key);
      ++next;
    } else {
      next = queue_.erase(next);
      hand_over(now, sequence, which, handing);
    }
  }
  if (!handing.messages.empty()) out.push_back(std::move(handing));
  hold_back(now);
}

/// Those of its destination come first.
int relay_machine::faults_of(const row& which) {
  constexpr int of_a_closed_destination = 1'000'000;
  return which.faults + (which.to == nullptr ? 0 : of_a_closed_destination);
}

/// A probe is a message that met the fewest faults: one that breaks its channel again and again must not be every probe.
int relay_machine::fewest_faults(steady_time now) const {
  int fewest = std::numeric_limits<int>::max();
  std::unordered_set<std::string_view> keys;
  for (const auto sequence : queue_) {
    const row& which = rows_.at(sequence);
    if (is_ordered(which) && !keys.insert(which.message->key).second) continue;  // not its key's head
    if (may_send(now, which)) fewest = std::min(fewest, faults_of(which));
  }
  return fewest;
}

void relay_machine::hand_over(steady_time now, std::int64_t sequence, row& which, relay_action& handing) {
  which.at = phase::out;
  which.tag = ++next_tag_;
  const auto held = batches_.find(which.batch);
  handing.messages.push_back({.tag = which.tag,
                              .message = which.message,
                              .maybe_sent = which.reclaimed || which.touched,
                              .send_before = held == batches_.end() ? steady_time::max() : held->second.deadline});
  which.touched = true;
  if (which.to != nullptr) {
    which.probe = true;
    ++which.to->out;
  }
  out_[which.tag] = {.sequence = sequence, .since = now};
  out_order_.push_back(which.tag);
  if (!which.message->id.empty()) ids_out_.insert(which.message->id);
  if (is_ordered(which)) keys_out_.insert(which.message->key);
  ++counts_.sent;
  if (faults_.mark_before_confirm) to_be_marked(now, sequence, which);
}

void relay_machine::settle_flight(steady_time now, const relay_input& input) {
  const auto found = out_.find(input.tag);
  if (found == out_.end()) return;  // given up earlier
  const auto sequence = found->second.sequence;
  out_.erase(found);
  const auto at = rows_.find(sequence);
  if (at == rows_.end()) return;
  row& which = at->second;
  ids_out_.erase(which.message->id);
  if (input.event == relay_event::broker_fault || (input.event == relay_event::nacked && faults_.nack_pauses_all)) {
    ++counts_.broker_faults;
    fault(sequence, which, input.untouched);
    if (!stopping_) pause(now);
    return;
  }
  probing_ = false;  // the broker answers
  pause_ = settings_.shortest_pause;
  if (input.event == relay_event::nacked) return nacked(now, sequence, which, input.reason);
  if (input.event == relay_event::refused)
    end_probe(which);
  else
    probe_was_taken(which);
  if (input.event == relay_event::confirmed) {
    ++counts_.confirmed;
    last_confirm_ = now;
    leave_batch(which);
    which.at = phase::settled;
    if (!faults_.mark_before_confirm) to_be_marked(now, sequence, which);
  } else if (input.event == relay_event::unroutable && !is_command(*which.message)) {
    ++counts_.unroutable;
    leave_batch(which);
    which.at = phase::settled;
    to_mark_unroutable_.push_back(sequence);
  } else {
    ++counts_.refused;
    const auto& message = *which.message;
    refuse(sequence, which,
           input.event == relay_event::unroutable ? "no queue is bound to the exchange " + message.exchange + " with the key " +
                                                        message.routing_key + ", so nobody handles this command"
                                                  : input.reason);
  }
}

void relay_machine::refuse(std::int64_t sequence, row& which, std::string reason) {
  if (which.batch == 0) {  // not ours any more: the relay that claimed it meets the refusal too
    forget(sequence);
    return;
  }
  ++which.attempts;
  if (which.attempts >= settings_.refusals) {
    park(sequence, which, std::move(reason));
    return;
  }
  const auto doublings = std::min(which.attempts - 1, 20);
  const auto delay = jittered(std::min(settings_.shortest_refusal_delay * (1L << doublings), settings_.longest_refusal_delay));
  which.at = phase::failing;
  to_fail_.push_back({.batch = which.batch,
                      .what = {.sequence = sequence,
                               .reason = std::move(reason),
                               .retry_after = std::chrono::duration_cast<std::chrono::milliseconds>(delay),
                               .type = which.message->type,
                               .attempts = which.attempts}});
}

void relay_machine::park(std::int64_t sequence, row& which, std::string reason) {
  ++counts_.parked;
  which.at = phase::failing;
  to_fail_.push_back(
      {.batch = which.batch,
       .what = {.sequence = sequence, .reason = std::move(reason), .park = true, .type = which.message->type, .attempts = which.attempts}});
}

void relay_machine::fault(std::int64_t sequence, row& which, bool untouched) {
  if (untouched)
    which.touched = false;
  else
    ++which.faults;
  end_probe(which);
  keys_out_.erase(which.message->key);
  if (which.batch == 0) {
    forget(sequence);
  } else if (!stopping_) {
    which.at = phase::queued;
    queue_.insert(sequence);
  } else if (!which.touched) {
    which.at = phase::queued;
    to_release_.push_back(sequence);
  } else {
    forget(sequence);  // as in release_queue
  }
}

void relay_machine::pause(steady_time now) {
  if (now < pause_until_) return;
  pause_until_ = now + jittered(pause_);
  pause_ = std::min<std::chrono::nanoseconds>(pause_ * 2, settings_.longest_pause);
  probing_ = true;
}

void relay_machine::check_confirms(steady_time now, actions& out) {
  while (!out_order_.empty() && !out_.contains(out_order_.front())) out_order_.pop_front();
  if (settings_.confirm_timeout.count() == 0 || blocked_ || out_order_.empty()) return;
  if (now < out_.at(out_order_.front()).since + settings_.confirm_timeout) return;
  ++counts_.confirm_timeouts;
  out.push_back({.step = relay_step::reset_channel});  // late confirms must not meet the copies sent after it
  // A queue without a majority of its replicas answers nothing. Where others were confirmed meanwhile, the broker itself is well.
  const bool broker_answers = last_confirm_ > out_.at(out_order_.front()).since;
  for (auto& [tag, each] : std::exchange(out_, {})) {
    const auto at = rows_.find(each.sequence);
    if (at == rows_.end()) continue;
    ids_out_.erase(at->second.message->id);
    ++counts_.broker_faults;
    if (now >= each.since + settings_.confirm_timeout) close_destination(now, at->second, "the broker did not confirm it in time");
    fault(each.sequence, at->second, false);
  }
  out_order_.clear();
  if (!broker_answers && !stopping_) pause(now);
}

}  // namespace mamey::inline v1
