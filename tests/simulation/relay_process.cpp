#include "relay_process.hpp"

#include <algorithm>

#include "broker_model.hpp"

namespace mamey::simulation {

relay_process::relay_process(world& in, std::size_t number) : world_(in), number_(number) {}

steady_time relay_process::steady() const { return steady_time(world_.time.now() + clock_offset_); }

void relay_process::start() {
  if (machine_) return;
  ++incarnation_;
  owner_ = "relay" + std::to_string(number_) + "." + std::to_string(incarnation_);
  clock_offset_ = world_.time.random.between(0s, 1h);
  stalled_until_ = {};
  sequence_of_.clear();
  lease_until_.clear();
  sent_.clear();
  confirmed_.clear();
  gave_up_ = false;
  marked_.clear();
  from_commits_.clear();
  const relay_settings settings{.batch = 4,
                                .window = 5,
                                .lease = 3s,
                                .margin = 300ms,
                                .confirm_timeout = 2s,
                                .mark_batch = 3,
                                .mark_delay = 40ms,
                                .shortest_poll = 50ms,
                                .longest_poll = 1s,
                                .shortest_pause = 50ms,
                                .longest_pause = 1s,
                                .shortest_refusal_delay = 100ms,
                                .longest_refusal_delay = 1s,
                                .refusals = world_.settings.full_queue ? 1'000 : 3,  // full for a while is no reason to park
                                .ordered = world_.settings.ordered,
                                .owner = owner_,
                                .hand_over_token = owner_,
                                .hand_over_lease = 3s};
  machine_ = std::make_unique<relay_machine>(settings, world_.time.random.next(), world_.settings.faults);
  channel_ = world_.broker->open_channel(*this);
  tell({.event = relay_event::started, .reason = {}});
}

std::optional<hand_over_terms> relay_process::terms_for(const change_set& changes) const {
  if (!machine_ || world_.time.now() < stalled_until_) return std::nullopt;
  const auto room = machine_->room_for_commits();
  if (!room || room->rows < changes.outbox.size()) return std::nullopt;
  return machine_->terms_for_commits();
}

void relay_process::hand(std::uint64_t incarnation, handed_rows rows, const std::map<std::int64_t, span>& granted) {
  if (incarnation != incarnation_ || !machine_) return;
  for (const auto& each : rows.rows) {
    sequence_of_[each.message->id] = each.sequence;
    if (const auto lease = granted.find(each.sequence); lease != granted.end())
      lease_until_[each.sequence] = std::max(lease_until_[each.sequence], lease->second);
    from_commits_.insert(each.sequence);
  }
  tell({.event = relay_event::handed, .reason = {}, .handed = std::move(rows)});
}

void relay_process::crash() {
  if (!machine_) return;
  ++incarnation_;
  machine_.reset();
  world_.broker->close_channel(channel_);
  world_.time.after(world_.time.random.between(10ms, 3s), [this] { start(); });
}

void relay_process::stall(span until) { stalled_until_ = until; }

void relay_process::stop_gently() {
  if (!machine_) return;
  tell({.event = relay_event::stop, .reason = {}});
  world_.time.after(2s, [this, mine = incarnation_] {
    if (mine == incarnation_ && machine_) tell({.event = relay_event::give_up, .reason = {}});
  });
}

void relay_process::tell(relay_input input) {
  if (!machine_) return;
  if (world_.time.now() < stalled_until_) {
    world_.time.after(stalled_until_ - world_.time.now(), [this, mine = incarnation_, input = std::move(input)] {
      if (mine == incarnation_) tell(input);
    });
    return;
  }
  if (world_.hits(world_.settings.crash)) return crash();
  world_.met.relay.meet(machine_->state(), input.event);
  const auto mine = incarnation_;
  const auto confirmed = machine_->counts().confirmed;
  const auto tag = input.tag;
  gave_up_ = gave_up_ || input.event == relay_event::give_up;
  auto actions = machine_->on(steady(), std::move(input));
  if (machine_->counts().confirmed > confirmed) confirmed_.push_back(sent_.at(tag));
  world_.expect_holds("relay_machine", *machine_);
  for (auto& action : actions) {
    perform(std::move(action));
    if (mine != incarnation_) return;
  }
  const auto wake = machine_->wake_at();
  if (wake == steady_time::max()) return;
  const auto delay = std::max<span>(wake - steady(), 0ns);
  world_.time.after(delay, [this, mine, armed = ++timer_] {
    if (mine == incarnation_ && armed == timer_) tell({.event = relay_event::timer, .reason = {}});
  });
}

void relay_process::with_store(std::function<relay_input()> operation, relay_event failed) {
  world_.time.after(world_.time.random.between(50us, 2ms), [this, mine = incarnation_, operation = std::move(operation), failed] {
    if (mine != incarnation_) return;
    const bool away = world_.hits(world_.settings.store_failure);
    auto answer = away ? relay_input{.event = failed, .reason = {}} : operation();
    if (world_.hits(world_.settings.store_failure / 3)) answer = {.event = failed, .reason = {}};  // done, but nobody heard
    if (world_.hits(world_.settings.crash)) return crash();
    world_.time.after(world_.time.random.between(50us, 2ms), [this, mine, answer = std::move(answer)] {
      if (mine == incarnation_) tell(answer);
    });
  });
}

void relay_process::perform(relay_action action) {
  auto& book = *world_.outbox_store;
  const auto done = [](std::size_t applied) { return relay_input{.event = relay_event::row_work_done, .reason = {}, .applied = applied}; };
  switch (action.step) {
    case relay_step::claim:
      return claim_rows(action.request);
    case relay_step::send:
      return send(action);
    case relay_step::renew:
      return renew(action);
    case relay_step::lease_slots:
      return with_store(
          [&book, request = action.request] {
            return relay_input{.event = relay_event::slots_leased,
                               .reason = {},
                               .applied = book.db().lease_slots(request.owner, request.most_rows, request.lease).size()};
          },
          relay_event::slots_failed);
    case relay_step::mark_sent:
      return with_store(
          [this, &book, done, rows = action.sequences] {
            marked_.insert(rows.begin(), rows.end());
            return book.db().mark_sent(rows), done(0);
          },
          relay_event::row_work_failed);
    case relay_step::mark_unroutable:
      return with_store([&book, done, rows = action.sequences] { return book.db().mark_unroutable(rows), done(0); },
                        relay_event::row_work_failed);
    case relay_step::fail:
      return with_store([&book, done, token = action.token, rows = action.failures] { return done(book.db().fail_outbox(token, rows)); },
                        relay_event::row_work_failed);
    case relay_step::release:
      return with_store(
          [&book, done, token = action.token, rows = action.sequences] { return done(book.db().release_outbox(token, rows)); },
          relay_event::row_work_failed);
    case relay_step::release_slots:
      if (!world_.hits(world_.settings.store_failure)) book.db().release_slots(owner_);
      return;
    case relay_step::reset_channel:
      world_.broker->close_channel(channel_);
      channel_ = world_.broker->open_channel(*this);
      return;
    case relay_step::finish:
      if (!gave_up_) expect_marked();
      ++incarnation_;
      world_.broker->close_channel(channel_);
      world_.time.after(0s, [this] {
        machine_.reset();
        start();
      });
      return;
  }
}

void relay_process::send(const relay_action& action) {
  for (const auto& each : action.messages) {
    const auto sequence = sequence_of_.at(each.message->id);
    const auto lease = lease_until_.find(sequence);
    if (!world_.book.at(each.message->id).committed) world_.violate("sent " + each.message->id + ", whose commit failed");
    // Where no clock jumps, no claim takes a row before its lease is over.
    if (!world_.clock_jumped && from_commits_.contains(sequence) && marked_.contains(sequence))
      world_.violate("sent " + each.message->id + " again after it had marked it");
    if (lease == lease_until_.end() || world_.time.now() >= lease->second)
      world_.violate("sent " + each.message->id + " without its lease");
    sent_[each.tag] = each.message->id;
    world_.broker->publish(channel_, each);
  }
}

/// A relay that had the time to stop leaves nothing to be sent again.
void relay_process::expect_marked() {
  for (const auto& row : world_.outbox_store->outbox()) {
    if (std::ranges::find(confirmed_, row.message_id) != confirmed_.end())
      world_.violate("a relay stopped and left " + row.message_id + ", which was confirmed, unmarked");
  }
}

void relay_process::claim_rows(const claim_request& request) {
  with_store(
      [this, request] {
        auto claimed = world_.outbox_store->db().claim_outbox(request);
        for (const auto& each : claimed.rows) {
          sequence_of_[each.message.id] = each.sequence;
          from_commits_.erase(each.sequence);
          lease_until_[each.sequence] = world_.time.now() + request.lease;
        }
        return relay_input{.event = relay_event::claimed, .reason = {}, .rows = std::move(claimed)};
      },
      relay_event::claim_failed);
}

void relay_process::renew(const relay_action& action) {
  with_store(
      [this, action] {
        auto& book = *world_.outbox_store;
        for (const auto each : action.sequences) {
          if (book.holds(each, action.token)) lease_until_[each] = world_.time.now() + action.request.lease;
        }
        return relay_input{.event = relay_event::row_work_done,
                           .reason = {},
                           .applied = book.db().renew_outbox(action.token, action.sequences, action.request.lease)};
      },
      relay_event::row_work_failed);
}

}  // namespace mamey::simulation
