#include <mamey/messaging/subscription_runner.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include <mamey/messaging/detail/handler_pool.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/random.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

/// A module without a store keeps no delayed rows: the transport may keep what waits.
std::vector<std::chrono::milliseconds> delays_of(const subscription& what, const subscription_surroundings& around,
                                                 const messaging_options& options) {
  if (around.module_store || what.ordered) return {};
  auto all = options.delayed_retries;
  all.push_back(options.rollout_delay);
  const auto add = [&](const failure_decision& decided) {
    all.insert(all.end(), decided.delayed_retries.begin(), decided.delayed_retries.end());
  };
  for (const auto& each : what.handlers) {
    if (!each.plan) continue;
    add(each.plan->usual);
    for (const auto& [code, decided] : each.plan->by_code) add(decided);
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

topology topology_of(const subscription& what, std::vector<std::chrono::milliseconds> delays) {
  if (what.queue.empty()) return {};
  return {.exchanges = {{.name = what.exchange, .foreign = what.foreign_exchange}},
          .queues = {{.name = what.queue, .ordered = what.ordered, .delays = std::move(delays), .earlier_name = what.earlier_queue}},
          .bindings = {{.queue = what.queue, .exchange = what.exchange, .routing_key = what.routing_key}}};
}

}  // namespace

struct subscription_runner::state : std::enable_shared_from_this<state> {
  state(subscription described, subscription_surroundings surroundings, const messaging_options& with)
      : what(std::move(described)),
        around(std::move(surroundings)),
        options(with),
        delays(delays_of(what, around, options)),
        pool(std::make_shared<detail::handler_pool>(
            what, around, options, [this] { inbox.post(subscription_event::timer); },
            [this](const std::string& why, std::chrono::milliseconds span) { pause_all(why, span); })),
        machine(std::hash<std::string>{}(what.name)) {}

  void supervise(subscription_event event);
  steady_time wake_at() const;
  void pause_all(const std::string& why, std::chrono::milliseconds span);
  void pause(const std::string& why, std::chrono::milliseconds span);
  void hold();
  void let_go();
  void open();
  void open_again();
  void trouble(std::string reason);
  bool consumes() const { return around.through && !what.queue.empty(); }

  const subscription what;
  const subscription_surroundings around;
  const messaging_options options;
  const std::vector<std::chrono::milliseconds> delays;
  detail::mailbox<subscription_event> inbox;
  std::shared_ptr<detail::handler_pool> pool;
  subscription_machine machine;  // of the supervising fiber
  bool awaiting = false;         // an exchange of another service; of the supervising fiber, as the next
  std::string said;              // why it could not consume, until it does
  std::atomic<bool> finished{false};
  mutex opening;  // guards `from`
  std::unique_ptr<consumer> from;
  bool held = false;                          // from a pause until its end; of the supervising fiber, as the next
  bool stays_open = false;                    // while held, the consumer
  std::vector<std::weak_ptr<state>> sharing;  // those with the same queue, this one among them; empty: none
  mutable std::mutex guard;                   // the rest: for statistics, and the pause that was asked for
  std::string pause_reason;
  std::chrono::milliseconds pause_span{};
  subscription_state shown = subscription_state::closed;
  std::uint64_t reconnects = 0;
  std::string last_trouble;
};

subscription_runner::subscription_runner(subscription what, subscription_surroundings around, const messaging_options& options)
    : state_(std::make_shared<state>(std::move(what), std::move(around), options)) {}

subscription_runner::~subscription_runner() {
  auto& mine = *state_;
  if (mine.finished && !mine.from) return;  // drained
  mine.pool->refuse();
  mine.from.reset();
  mine.pool->end();
}

void subscription_runner::share_queue_with(const std::vector<subscription_runner*>& all) {
  std::vector<const detail::handler_pool*> pools;
  for (const auto* each : all) {
    pools.push_back(each->state_->pool.get());
    state_->sharing.push_back(each->state_);
  }
  state_->pool->share_queue_with(std::move(pools));
}

const subscription& subscription_runner::description() const noexcept { return state_->what; }
topology subscription_runner::declarations() const { return topology_of(state_->what, state_->delays); }

bool subscription_runner::handles(const std::string& row_subscription) const { return state_->pool->find(row_subscription) != nullptr; }

bool subscription_runner::accept(delayed_message&& row, steady_time claimed, std::function<void()> done) {
  if (state_->pool->cancelled() || state_->pool->paused()) return false;
  state_->pool->add(std::move(row), claimed, std::move(done));
  return true;
}

void subscription_runner::give_back_rows_claimed_before(steady_time when) { state_->pool->give_back_rows_claimed_before(when); }

subscription_statistics subscription_runner::statistics() const {
  auto now = state_->pool->statistics();
  const std::lock_guard lock(state_->guard);
  now.state = state_->shown;
  if (state_->what.queue.empty() && now.state != subscription_state::stopped && now.state != subscription_state::paused)
    now.state = subscription_state::when_due;
  now.reconnects = state_->reconnects;
  now.last_trouble = state_->last_trouble;
  return now;
}

// -- the supervising fiber ------------------------------------------------------------------------------------------------

void subscription_runner::run() {
  auto& mine = *state_;
  mine.machine = subscription_machine(small_random());
  mine.supervise(mine.pool->paused() ? subscription_event::pause : subscription_event::start);
  while (!mine.finished) {
    for (const auto each : mine.inbox.take(mine.wake_at())) mine.supervise(each);
    mine.let_go();
    mine.pool->start_waiting();
    if (!mine.finished && steady_now() >= mine.machine.retry_at()) mine.supervise(subscription_event::timer);
  }
}

/// The time of the supervising fiber's next check without an event: the next try to consume, or the end of the throttle's pause.
steady_time subscription_runner::state::wake_at() const {
  const bool retries = machine.state() == subscription_state::closed || machine.state() == subscription_state::cancelled_by_broker;
  const bool waits = (consumes() && retries) || machine.state() == subscription_state::paused;
  return std::min(waits ? machine.retry_at() : steady_time::max(), pool->resume_at());
}

void subscription_runner::state::supervise(subscription_event event) {
  const bool can_be_paused = event == subscription_event::pause || machine.state() == subscription_state::paused;
  if (!consumes() && !can_be_paused) return;
  std::chrono::milliseconds span{};
  {
    const std::lock_guard lock(guard);
    span = pause_span;
  }
  switch (machine.on(event, steady_now(), span)) {
    case subscription_step::subscribe:
      held ? open_again() : open();
      break;
    case subscription_step::hold:
      hold();
      break;
    case subscription_step::close:
      finished = true;
      break;
    case subscription_step::none:
    case subscription_step::wait:
    case subscription_step::cancel:
      break;  // runner's `cancel` and `drain` do it
  }
  const std::lock_guard lock(guard);
  shown = machine.state();
  reconnects = machine.reconnects();
  if (shown == subscription_state::consuming) last_trouble.clear();
  if (shown == subscription_state::paused) last_trouble = pause_reason;
}

// A pause: no handler begins from the moment of the failure on; then the supervising fiber lets go of the queue.

bool subscription_runner::paused() const noexcept { return state_->pool->paused(); }

bool subscription_runner::resume() {
  if (!paused()) return false;
  const auto all = state_->sharing.empty() ? std::vector<std::weak_ptr<state>>{state_} : state_->sharing;
  for (const auto& each : all) {
    if (const auto alive = each.lock()) alive->inbox.post(subscription_event::resume);
  }
  return true;
}

void subscription_runner::state::pause_all(const std::string& why, std::chrono::milliseconds span) {
  if (sharing.empty()) return pause(why, span);
  for (const auto& each : sharing) {
    if (const auto alive = each.lock()) alive->pause(why, span);
  }
}

void subscription_runner::state::pause(const std::string& why, std::chrono::milliseconds span) {
  if (pool->paused()) return;
  pool->pause();
  {
    const std::lock_guard lock(guard);
    pause_reason = why;
    pause_span = span;
  }
  inbox.post(subscription_event::pause);
}

/// A broker keeps what is not consumed. With a transport that confirms what was handled, messages stay where they are: given up, they would
/// look like a fault of the transport to their publisher.
void subscription_runner::state::hold() {
  held = true;
  pool->give_back_rows_claimed_before(steady_time::max());
  const masked_section masked;
  const std::unique_lock lock(opening);
  stays_open = from && around.through->features().confirms_after_handling;
  if (!from || stays_open) return;
  from->cancel();
  pool->forget_waiting_deliveries();
}

/// Of a paused subscription, when the handlers that ran have ended: until then they settle with the consumer.
void subscription_runner::state::let_go() {
  if (machine.state() != subscription_state::paused || stays_open || !pool->idle()) return;
  const masked_section masked;
  const std::unique_lock lock(opening);
  if (!from) return;
  from->close();
  from.reset();
}

void subscription_runner::state::open_again() {
  if (from && !stays_open && !pool->idle()) return inbox.post(subscription_event::subscribe_failed);  // handlers of before: soon
  held = false;
  log.info("{subscription} is resumed", what.name);
  pool->resume();
  if (consumes() && !std::exchange(stays_open, false)) return open();
  inbox.post(subscription_event::subscribed);
}

void subscription_runner::state::trouble(std::string reason) {
  const std::lock_guard lock(guard);
  last_trouble = std::move(reason);
}

void subscription_runner::state::open() {
  try {
    const std::unique_lock lock(opening);
    if (pool->cancelled()) return;
    from.reset();
    around.through->declare(topology_of(what, delays));
    const auto prefetch = static_cast<std::size_t>(options.prefetch > 0 ? options.prefetch : options.concurrency * 2);
    from = around.through->subscribe(
        {.queue = what.queue, .prefetch = prefetch, .ordered = what.ordered, .lease = options.lease, .delays = delays},
        [into = pool](delivery next) { into->add(std::move(next)); },
        [self = weak_from_this()](consumer_state changed, std::string_view reason) {
          constexpr std::array events{subscription_event::consumer_resumed, subscription_event::consumer_cancelled,
                                      subscription_event::channel_closed};
          const auto alive = self.lock();
          if (!alive) return;
          if (changed != consumer_state::consuming) alive->pool->forget_waiting_deliveries();
          alive->trouble(std::string(reason));
          alive->inbox.post(events[static_cast<std::size_t>(changed)]);
        });
    awaiting = false;
    said.clear();
    inbox.post(subscription_event::subscribed);
  } catch (const exchange_awaited& missing) {
    if (!std::exchange(awaiting, true)) log.info("{subscription} waits: {reason}", what.name, missing);
    trouble(missing.reason());
    inbox.post(subscription_event::exchange_awaited);
  } catch (...) {
    const auto report = describe_current_exception();
    if (report.kind == error_kind::cancelled) throw;
    if (std::exchange(said, report.reason) != report.reason)
      log.warning("{subscription} cannot consume {queue}: {code} {reason}", what.name, what.queue, report.code, report.reason);
    trouble(report.code + ": " + report.reason);
    inbox.post(subscription_event::subscribe_failed);
  }
}

// -- stopping -----------------------------------------------------------------------------------------------------------

void subscription_runner::cancel() {
  auto& mine = *state_;
  mine.pool->cancel();
  mine.inbox.post(subscription_event::stop);
  const masked_section masked;
  const std::unique_lock lock(mine.opening);
  if (mine.from) mine.from->cancel();
}

void subscription_runner::drain(std::chrono::nanoseconds grace) {
  auto& mine = *state_;
  const masked_section masked(grace + std::chrono::seconds(60));
  mine.pool->drain(grace);
  {
    const std::unique_lock lock(mine.opening);
    if (mine.from) mine.from->close();
    mine.from.reset();
  }
  mine.finished = true;
  mine.inbox.post(subscription_event::drained);
  const std::lock_guard lock(mine.guard);
  mine.shown = subscription_state::stopped;
}

}  // namespace mamey::inline v1
