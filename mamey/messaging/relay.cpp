#include <mamey/messaging/relay.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/random.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.outbox"};

using store_job = std::function<relay_input()>;

relay_input plain(relay_event event) {
  relay_input input;
  input.event = event;
  return input;
}

relay_input with_count(relay_event event, std::size_t applied) {
  auto input = plain(event);
  input.applied = applied;
  return input;
}

relay_input outcome_of(std::uint64_t tag, const publish_outcome& outcome) {
  constexpr std::array events{relay_event::confirmed, relay_event::unroutable, relay_event::refused, relay_event::broker_fault,
                              relay_event::nacked};
  relay_input input;
  input.event = events[static_cast<std::size_t>(outcome.result)];
  input.tag = tag;
  input.reason = outcome.reason;
  input.untouched = outcome.untouched;
  return input;
}

}  // namespace

namespace {

/// Never nought, which would be a busy loop; without a value of use, the default.
std::chrono::milliseconds longest_poll_of(double interval_milliseconds) {
  if (!(interval_milliseconds > 0)) interval_milliseconds = outbox_options{}.interval_milliseconds;
  return std::chrono::milliseconds(std::max<std::int64_t>(static_cast<std::int64_t>(interval_milliseconds), 1));
}

}  // namespace

relay_settings relay_settings_of(const outbox_options& options, const transport_features& features, std::string owner) {
  return {
      .batch = static_cast<std::size_t>(options.batch),
      .batch_bytes = static_cast<std::size_t>(options.batch_bytes),
      .window = static_cast<std::size_t>(options.window),
      .lease = options.lease,
      .margin = options.lease_margin,
      .confirm_timeout = features.confirms_after_handling ? std::chrono::milliseconds(0) : options.confirm_timeout,
      // Each copy of a message has a count of its own there. One that ends the process before its row is marked would come again and again.
      .mark_delay = features.counts_starts ? std::chrono::milliseconds(0) : relay_settings{}.mark_delay,
      .shortest_poll = options.shortest_poll,
      .longest_poll = longest_poll_of(options.interval_milliseconds),
      .refusals = options.refusals,
      .ordered = options.ordered,
      .parked_head_blocks = options.parked_head_blocks,
      .owner = std::move(owner),
      .hand_over_lease = options.lease};
}

namespace {

/// Where commits meet a run of the relay. It outlives the run while a commit is under way.
class commit_side final : public hand_over_target {
 public:
  explicit commit_side(detail::mailbox<relay_input>& inbox) : inbox_(&inbox) {}

  std::optional<hand_over_terms> reserve(std::size_t rows, std::size_t bytes) override {
    const std::lock_guard lock(guard_);
    if (inbox_ == nullptr || !room_ || rows_ + rows > room_->rows || bytes_ + bytes > room_->bytes) return std::nullopt;
    rows_ += rows;
    bytes_ += bytes;
    return terms_;
  }
  bool take(handed_rows rows) noexcept override {
    const std::lock_guard lock(guard_);
    if (inbox_ == nullptr) return false;
    relay_input input;
    input.event = relay_event::handed;
    input.handed = std::move(rows);
    inbox_->post(std::move(input));
    return true;
  }
  void cancel(std::size_t rows, std::size_t bytes) noexcept override {
    const std::lock_guard lock(guard_);
    rows_ -= rows;
    bytes_ -= bytes;
  }

  /// The machine has moved.
  void show(const relay_machine& machine) {
    const auto room = machine.room_for_commits();
    const std::lock_guard lock(guard_);
    room_ = room;
    if (room_ && terms_.token.empty()) terms_ = machine.terms_for_commits();
  }
  /// Nothing is posted afterwards.
  void close() noexcept {
    const std::lock_guard lock(guard_);
    inbox_ = nullptr;
  }

 private:
  std::mutex guard_;
  detail::mailbox<relay_input>* inbox_;  ///< null: the run has ended
  hand_over_terms terms_;
  std::optional<hand_over_room> room_;
  std::size_t rows_ = 0, bytes_ = 0;  ///< reserved
};

}  // namespace

struct relay::state {
  state(outbox_store& from_store, transport& through_transport, relay_settings with, topology own_topology)
      : from(from_store), through(through_transport), settings(std::move(with)), own(std::move(own_topology)) {}

  void drive();
  void perform(relay_action& action);
  void tell(relay_input input);
  void work(channel<store_job>& jobs, relay_event failed);
  void remember();
  void note_refusals(const std::vector<outbox_failure>& failures);
  void note_closed_destinations();

  outbox_store& from;
  transport& through;
  const relay_settings settings;
  const topology own;
  detail::mailbox<relay_input> inbox;
  std::atomic<bool> wake_posted{false};

  // Of one run.
  std::unique_ptr<relay_machine> machine;
  std::shared_ptr<commit_side> commits;
  std::unique_ptr<outgoing_channel> out;
  std::unique_ptr<channel<store_job>> claims, slots, rows;
  bool finished = false;

  struct refusal {
    std::string what;
    steady_time until;  ///< tried again by then, here or by another relay
  };
  std::map<std::int64_t, refusal> refused;  ///< by sequence

  std::map<std::pair<std::string, std::string>, steady_time> closed_since;  ///< destinations that were logged
  std::uint64_t nacks_seen = 0;

  std::atomic<bool> running{false}, stopping{false};
  semaphore ended{0};
  mutable std::mutex guard;
  relay_statistics seen;  // guarded
  relay_counts before;    // of earlier runs; guarded
};

relay::relay(outbox_store& from, transport& through, relay_settings settings, topology own)
    : state_(std::make_shared<state>(from, through, std::move(settings), std::move(own))) {}

relay::~relay() = default;

void relay::wake() noexcept {
  if (!state_->wake_posted.exchange(true)) state_->inbox.post(plain(relay_event::woken));
}

relay_statistics relay::statistics() const {
  const std::lock_guard lock(state_->guard);
  return state_->seen;
}

void relay::stop(std::chrono::nanoseconds grace) {
  state_->stopping = true;
  if (!state_->running) return;
  state_->inbox.post(plain(relay_event::stop));
  const masked_section masked(grace * 2 + std::chrono::seconds(5));
  if (state_->ended.try_acquire_until(steady_now() + grace)) return;
  log.warning("the outbox relay still waits for confirms; it gives up");
  state_->inbox.post(plain(relay_event::give_up));
  if (!state_->ended.try_acquire_until(steady_now() + grace + std::chrono::seconds(1))) log.error("the outbox relay did not stop");
}

void relay::run() {
  auto& mine = *state_;
  mine.running = true;
  const auto end = [&mine] {
    mine.from.hand_to(nullptr);
    if (mine.commits) mine.commits->close();
    mine.out.reset();
    mine.running = false;
    if (mine.stopping) mine.ended.release();
  };
  if (mine.stopping) return end();
  try {
    mine.drive();
  } catch (...) {
    end();
    throw;  // the supervisor logs it and runs again
  }
  end();
}

void relay::state::drive() {
  if (!own.exchanges.empty() || !own.queues.empty() || !own.bindings.empty()) {
    try {
      through.declare(own);
    } catch (const unavailable& cause) {  // the transport declares it when it is back, and the channel says when that is
      log.warning("the broker is away: {reason}", cause);
    }
  }
  auto with = settings;
  with.owner += '/' + uuid::v7().to_compact_string();  // a run that follows a failed one is another relay to the slots it left
  with.hand_over_token = uuid::v4().to_compact_string();
  machine = std::make_unique<relay_machine>(std::move(with), small_random());
  claims = std::make_unique<channel<store_job>>(1);
  slots = std::make_unique<channel<store_job>>(1);
  rows = std::make_unique<channel<store_job>>(1);
  finished = false;
  inbox.discard();  // words for an earlier machine
  wake_posted = false;
  commits = std::make_shared<commit_side>(inbox);
  from.hand_to(commits);
  out = through.open_channel([this](std::uint64_t tag, const publish_outcome& outcome) { inbox.post(outcome_of(tag, outcome)); },
                             [this](channel_state changed, std::string_view) {
                               constexpr std::array events{relay_event::ready, relay_event::blocked, relay_event::down};
                               inbox.post(plain(events[static_cast<std::size_t>(changed)]));
                             });
  with_scope([this](task_scope& scope) {
    scope.spawn("relay-claims", [this] { work(*claims, relay_event::claim_failed); });
    scope.spawn("relay-slots", [this] { work(*slots, relay_event::slots_failed); });
    scope.spawn("relay-rows", [this] { work(*rows, relay_event::row_work_failed); });
    tell(plain(relay_event::started));
    if (stopping) tell(plain(relay_event::stop));
    while (!finished) {
      for (auto& each : inbox.take(machine->wake_at())) {
        if (each.event == relay_event::woken) wake_posted = false;
        if (!finished) tell(std::move(each));
      }
      if (!finished && steady_now() >= machine->wake_at()) tell(plain(relay_event::timer));
    }
    claims->close();
    slots->close();
    rows->close();
  });
  const std::lock_guard lock(guard);
  before = seen.counts;
}

/// Carries out store work of one kind, one after another.
void relay::state::work(channel<store_job>& jobs, relay_event failed) {
  while (auto job = jobs.receive()) {
    relay_input answer;
    try {
      const masked_section masked;
      answer = (*job)();
    } catch (...) {
      const auto report = describe_current_exception();
      log.warning("the outbox cannot be reached: {code} {detail}", report.code, detail::words_of(report));
      answer = plain(failed);
    }
    inbox.post(std::move(answer));
  }
}

void relay::state::tell(relay_input input) {
  if (input.event == relay_event::broker_fault) {
    const std::lock_guard lock(guard);
    if (seen.last_fault.empty()) log.warning("publishing pauses: {reason}", input.reason);
    seen.last_fault = input.reason.empty() ? "unknown" : input.reason;
  } else if (input.event == relay_event::confirmed) {
    const std::lock_guard lock(guard);
    seen.last_fault.clear();
  }
  const auto reserved_rows = input.handed.reserved_rows, reserved_bytes = input.handed.reserved_bytes;
  for (auto& action : machine->on(steady_now(), std::move(input))) perform(action);
  commits->cancel(reserved_rows, reserved_bytes);  // they count in the machine now
  commits->show(*machine);
  remember();
}

/// A refusal is the message's trouble, not the outbox's: logged when it begins and when it ends in parking, shown while it is tried again.
void relay::state::note_refusals(const std::vector<outbox_failure>& failures) {
  static constexpr std::size_t most = 1000;
  for (const auto& each : failures) {
    if (!each.counted) continue;  // its destination is logged
    if (each.park) {
      log.error("outbox row {sequence}, {type}, is parked: {reason}", each.sequence, each.type, each.reason);
      refused.erase(each.sequence);
      continue;
    }
    if (each.attempts == 1)
      log.warning("{type} is not taken and is tried again, {refusals} times in all: {reason}", each.type, settings.refusals, each.reason);
    else
      log.debug("{type} is not taken (time {attempts}): {reason}", each.type, each.attempts, each.reason);
    if (refused.size() < most || refused.contains(each.sequence))
      refused[each.sequence] = {.what = each.type + ": " + each.reason,
                                .until = steady_now() + each.retry_after + settings.longest_poll + settings.lease};
  }
}

/// Logged when it begins, and at most once per five minutes for a queue that fills up again and again.
void relay::state::note_closed_destinations() {
  static constexpr std::chrono::minutes quiet{5};
  const auto& counts = machine->counts();
  if (nacks_seen == counts.nacked + counts.confirm_timeouts) return;
  nacks_seen = counts.nacked + counts.confirm_timeouts;
  const auto now = steady_now();
  std::erase_if(closed_since, [&](const auto& each) { return each.second + quiet < now; });
  for (const auto& [to, each] : machine->closed()) {
    if (!closed_since.try_emplace(to, now).second) continue;
    log.warning("messages to the exchange {exchange} with the key {key} wait, others are sent: {reason}", to.first, to.second, each.reason);
  }
}

void relay::state::remember() {
  note_closed_destinations();
  const std::lock_guard lock(guard);
  const auto& now = machine->counts();
  const auto sum = [&](auto member) { seen.counts.*member = before.*member + now.*member; };
  for (const auto member :
       {&relay_counts::claimed, &relay_counts::handed, &relay_counts::sent, &relay_counts::confirmed, &relay_counts::unroutable,
        &relay_counts::refused, &relay_counts::parked, &relay_counts::broker_faults, &relay_counts::nacked, &relay_counts::postponed,
        &relay_counts::confirm_timeouts, &relay_counts::leases_lost, &relay_counts::store_failures}) {
    sum(member);
  }
  seen.state = machine->state();
  // With nothing in hand a fault is past: the message it befell may be another relay's by now, and no confirm would ever come here.
  if (machine->in_hand() == 0 && seen.state != relay_state::paused) seen.last_fault.clear();
  std::erase_if(refused, [](const auto& each) { return each.second.until < steady_now(); });
  seen.refused = refused.empty()
                     ? std::string()
                     : refused.begin()->second.what + (refused.size() > 1 ? " (and " + std::to_string(refused.size() - 1) + " more)" : "");
  seen.waiting = machine->waiting();
  seen.in_hand = machine->in_hand();
  seen.in_flight = machine->in_flight();
}

void relay::state::perform(relay_action& action) {
  const auto rows_done = [](std::size_t applied) { return with_count(relay_event::row_work_done, applied); };
  switch (action.step) {
    case relay_step::claim:
      claims->try_send([this, request = std::move(action.request)] {
        auto input = plain(relay_event::claimed);
        input.rows = from.claim_outbox(request);
        return input;
      });
      return;
    case relay_step::lease_slots:
      slots->try_send([this, request = std::move(action.request)] {
        return with_count(relay_event::slots_leased, from.lease_slots(request.owner, request.most_rows, request.lease).size());
      });
      return;
    case relay_step::send:
      out->publish(action.messages);
      return;
    case relay_step::mark_sent:
      if (!refused.empty()) std::ranges::for_each(action.sequences, [this](std::int64_t each) { refused.erase(each); });
      rows->try_send([this, rows_done, sequences = std::move(action.sequences)] { return from.mark_sent(sequences), rows_done(0); });
      return;
    case relay_step::mark_unroutable:
      rows->try_send([this, rows_done, sequences = std::move(action.sequences)] { return from.mark_unroutable(sequences), rows_done(0); });
      return;
    case relay_step::fail:
      note_refusals(action.failures);
      rows->try_send([this, rows_done, token = std::move(action.token), failures = std::move(action.failures)] {
        return rows_done(from.fail_outbox(token, failures));
      });
      return;
    case relay_step::renew:
      rows->try_send([this, rows_done, token = std::move(action.token), sequences = std::move(action.sequences)] {
        return rows_done(from.renew_outbox(token, sequences, settings.lease));
      });
      return;
    case relay_step::release:
      rows->try_send([this, rows_done, token = std::move(action.token), sequences = std::move(action.sequences)] {
        return rows_done(from.release_outbox(token, sequences));
      });
      return;
    case relay_step::release_slots:
      slots->try_send([this, owner = action.request.owner] {
        from.release_slots(owner);
        return with_count(relay_event::slots_leased, 0);
      });
      return;
    case relay_step::reset_channel:
      out->reset();
      return;
    case relay_step::finish:
      finished = true;
      return;
  }
}

}  // namespace mamey::inline v1
