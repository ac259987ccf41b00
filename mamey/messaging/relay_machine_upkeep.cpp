#include <mamey/messaging/relay_machine.hpp>

#include <algorithm>
#include <utility>

// Row work, stopping and timers of the relay; events, claims and sending are in relay_machine.cpp.
namespace mamey::inline v1 {

namespace {
constexpr std::chrono::milliseconds store_pauses_to{5'000};
constexpr std::size_t most_marks = 500;
}  // namespace

// -- row work: marks, failures, renewals, releases; one at a time, so that a renewal's count can be compared ----------------

void relay_machine::to_be_marked(steady_time now, std::int64_t sequence, row& which) {
  if (to_mark_sent_.empty()) marks_due_at_ = now + settings_.mark_delay;
  to_mark_sent_.push_back(sequence);
  which.followed = which.followed || (is_ordered(which) && std::ranges::any_of(queue_, [&](std::int64_t each) {
                                        return rows_.at(each).message->key == which.message->key;
                                      }));
}

/// Marks wait for each other: one statement serves many rows. They do not wait where somebody waits for them, or where the store is asked
/// anyway. A crash meanwhile makes the rows be sent again, as a crash just before a mark does.
bool relay_machine::marks_are_due(steady_time now) const {
  if (to_mark_sent_.empty()) return false;
  if (stopping_ || now >= marks_due_at_ || to_mark_sent_.size() >= settings_.mark_batch || hand_is_full()) return true;
  if (!to_mark_unroutable_.empty() || !to_fail_.empty() || !to_release_.empty()) return true;
  return settings_.ordered && std::ranges::any_of(to_mark_sent_, [this](std::int64_t each) {
           const auto at = rows_.find(each);
           return at != rows_.end() && at->second.followed;
         });
}

void relay_machine::start_row_work(steady_time now, actions& out) {
  if (work_ != row_work::none || now < store_retry_at_) return;
  if (start_renewal(now, out)) return;
  const auto take = [&](std::vector<std::int64_t>& from, relay_step step, row_work kind) {
    if (from.empty()) return false;
    const auto count = std::min(from.size(), most_marks);
    working_.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(count));
    work_ = kind;
    out.push_back({.step = step, .sequences = working_});
    return true;
  };
  if (marks_are_due(now) && take(to_mark_sent_, relay_step::mark_sent, row_work::sent)) return;
  if (take(to_mark_unroutable_, relay_step::mark_unroutable, row_work::unroutable)) return;
  if (start_failures(out)) return;
  start_release(out);
}

bool relay_machine::start_renewal(steady_time now, actions& out) {
  if (gave_up_) return false;
  for (auto& [id, each] : batches_) {
    if (now < each.renew_at) continue;
    relay_action renewing{.step = relay_step::renew, .request = {.lease = settings_.lease}, .token = each.token};
    for (const auto& [sequence, which] : rows_) {
      if (which.batch == id) renewing.sequences.push_back(sequence);
    }
    if (id == handed_batch_) handed_batch_until_ = {};  // the renewal is not for rows that come later
    working_ = renewing.sequences;
    working_batch_ = id;
    work_issued_ = now;
    work_ = row_work::renew;
    out.push_back(std::move(renewing));
    return true;
  }
  return false;
}

bool relay_machine::start_failures(actions& out) {
  while (!to_fail_.empty()) {
    const auto id = to_fail_.front().batch;
    const auto held = batches_.find(id);
    relay_action failing{.step = relay_step::fail};
    working_.clear();
    std::erase_if(to_fail_, [&](failure& each) {
      if (each.batch != id) return false;
      working_.push_back(each.what.sequence);
      failing.failures.push_back(std::move(each.what));
      return true;
    });
    if (held == batches_.end()) {  // lost: the next holder decides
      for (const auto sequence : working_) forget(sequence);
      continue;
    }
    failing.token = held->second.token;
    work_ = row_work::fail;
    out.push_back(std::move(failing));
    return true;
  }
  return false;
}

bool relay_machine::start_release(actions& out) {
  while (!to_release_.empty()) {
    const auto first = rows_.find(to_release_.front());
    const auto id = first == rows_.end() ? 0 : first->second.batch;
    const auto held = batches_.find(id);
    working_.clear();
    std::erase_if(to_release_, [&](std::int64_t sequence) {
      const auto at = rows_.find(sequence);
      const auto of = at == rows_.end() ? 0 : at->second.batch;
      if (of == id) working_.push_back(sequence);
      return of == id;
    });
    if (held == batches_.end()) {
      for (const auto sequence : working_) forget(sequence);
      continue;
    }
    work_ = row_work::release;
    out.push_back({.step = relay_step::release, .token = held->second.token, .sequences = working_});
    return true;
  }
  return false;
}

void relay_machine::end_row_work(steady_time now, bool done, std::size_t applied) {
  const auto work = std::exchange(work_, row_work::none);
  if (!done) {
    store_failed(now);
    if (work == row_work::sent) {
      to_mark_sent_.insert(to_mark_sent_.end(), working_.begin(), working_.end());
      marks_due_at_ = now;  // once the store is asked again
    }
    if (work == row_work::unroutable) to_mark_unroutable_.insert(to_mark_unroutable_.end(), working_.begin(), working_.end());
    if (work == row_work::fail || work == row_work::release) {
      for (const auto sequence : working_) forget(sequence);  // the lease expires
    }
    return;
  }
  store_answered();
  if (work == row_work::renew) {
    end_renewal(applied);
    return;
  }
  for (const auto sequence : working_) {
    const auto at = rows_.find(sequence);
    // Followers are heads now.
    if (at != rows_.end() && is_ordered(at->second) && (at->second.followed || work == row_work::fail)) claim_wanted_ = true;
    forget(sequence);
  }
}

void relay_machine::end_renewal(std::size_t applied) {
  const auto held = batches_.find(working_batch_);
  if (held == batches_.end()) return;
  if (applied < working_.size()) {
    ++counts_.leases_lost;
    if (!faults_.lease_not_rechecked)
      drop_batch(working_batch_);
    else
      held->second.renew_at = steady_time::max();
    return;
  }
  held->second.deadline = work_issued_ + settings_.lease - settings_.margin;
  held->second.renew_at = work_issued_ + settings_.lease / 3;
}

// -- stopping ---------------------------------------------------------------------------------------------------------

void relay_machine::begin_stop() {
  stopping_ = true;
  if (faults_.marks_lost_at_stop) {
    for (const auto sequence : std::exchange(to_mark_sent_, {})) forget(sequence);
  }
  release_queue();
}

void relay_machine::release_queue() {
  for (const auto sequence : std::exchange(queue_, {})) {
    if (rows_.at(sequence).touched)
      forget(sequence);  // it may have been sent: its lease expires, so that the next claim knows
    else
      to_release_.push_back(sequence);
  }
}

void relay_machine::give_up(actions& out) {
  begin_stop();
  gave_up_ = true;
  store_retry_at_ = now_;  // one last try of the store, which may work by now; when it fails, that is the end
  if (out_.empty()) return;
  out.push_back({.step = relay_step::reset_channel});
  for (const auto& [tag, each] : std::exchange(out_, {})) forget(each.sequence);
}

void relay_machine::finish(actions& out) {
  if (!stopping_ || claim_out_ || slots_out_ || work_ != row_work::none || !out_.empty()) return;
  const bool nothing_left = to_mark_sent_.empty() && to_mark_unroutable_.empty() && to_fail_.empty() && to_release_.empty();
  if (!nothing_left && !(gave_up_ && now_ < store_retry_at_)) return;
  if (settings_.ordered && !slots_released_) out.push_back({.step = relay_step::release_slots, .request = {.owner = settings_.owner}});
  slots_released_ = stopped_ = true;
  out.push_back({.step = relay_step::finish});
}

// -- common -----------------------------------------------------------------------------------------------------------

void relay_machine::advance(steady_time now, actions& out) {
  check_confirms(now, out);
  lease_slots(now, out);
  send(now, out);
  start_row_work(now, out);
  start_claim(now, out);
  finish(out);
  arm(now);
}

void relay_machine::arm(steady_time now) {
  auto at = steady_time::max();
  const auto sooner = [&](steady_time when) { at = std::min(at, when); };
  const bool store_quiet = now < store_retry_at_;
  if (store_quiet) sooner(store_retry_at_);
  if (!blocked_ && now < pause_until_) sooner(pause_until_);
  if (can_claim(now)) sooner(poll_at_);
  for (const auto& [to, each] : closed_) {
    if (now < each.until && !paused(now)) sooner(each.until);
  }
  if (settings_.ordered && !stopping_ && !slots_out_ && !store_quiet) sooner(slots_renew_at_);
  if (work_ == row_work::none && !store_quiet && !gave_up_) {
    for (const auto& [id, each] : batches_) sooner(each.renew_at);
  }
  if (work_ == row_work::none && !store_quiet && !to_mark_sent_.empty()) sooner(marks_due_at_);
  if (settings_.confirm_timeout.count() > 0 && !blocked_ && !out_order_.empty()) {
    const auto oldest = out_.find(out_order_.front());
    if (oldest != out_.end()) sooner(oldest->second.since + settings_.confirm_timeout);
  }
  wake_at_ = stopped_ ? steady_time::max() : at;
}

void relay_machine::leave_batch(row& which) {
  const auto held = batches_.find(std::exchange(which.batch, 0));
  if (held != batches_.end() && --held->second.rows == 0) batches_.erase(held);
}

void relay_machine::forget(std::int64_t sequence) {
  const auto at = rows_.find(sequence);
  if (at == rows_.end()) return;
  if (at->second.at == phase::out) ids_out_.erase(at->second.message->id);
  if (at->second.at != phase::queued) keys_out_.erase(at->second.message->key);
  queue_.erase(sequence);
  bytes_ -= at->second.message->body.size();
  end_probe(at->second);
  leave_batch(at->second);
  rows_.erase(at);
}

void relay_machine::drop_batch(std::uint64_t id) {
  batches_.erase(id);
  std::vector<std::int64_t> gone;
  for (auto& [sequence, which] : rows_) {
    if (which.batch != id) continue;
    which.batch = 0;
    if (which.at == phase::queued) gone.push_back(sequence);
  }
  for (const auto sequence : gone) forget(sequence);
}

std::chrono::nanoseconds relay_machine::jittered(std::chrono::nanoseconds span) {
  const auto share = static_cast<double>(random_() % 1000) / 1000.0;  // up to a fifth longer, so that relays do not march in step
  return span + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(span.count()) * 0.2 * share));
}

void relay_machine::store_failed(steady_time now) {
  ++counts_.store_failures;
  store_retry_at_ = now + jittered(store_pause_);
  store_pause_ = std::min<std::chrono::nanoseconds>(store_pause_ * 2, store_pauses_to);
}

void relay_machine::store_answered() noexcept { store_pause_ = store_pauses_from; }

}  // namespace mamey::inline v1
