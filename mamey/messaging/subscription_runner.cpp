#include <mamey/messaging/subscription_runner.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include <mamey/messaging/detail/fiber_group.hpp>
#include <mamey/messaging/detail/handler_run.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

/// A delivery or a delayed row, waiting for its turn or being handled.
struct task {
  detail::incoming what;
  std::unique_ptr<settlement> settle;  ///< of a delivery
  std::function<void()> done;          ///< of a row
};

}  // namespace

struct subscription_runner::state : std::enable_shared_from_this<state> {
  state(subscription described, subscription_surroundings surroundings, const messaging_options& with);

  void supervise(subscription_event event);
  steady_time wake_at() const;
  void open();
  void enqueue(task next);
  void dispatch();
  enum class standing : std::uint8_t { flowing, held };
  standing start_waiting();
  void handle(task& which);
  void settle(task& which, const delivery_action& verdict);
  void count(const delivery_action& ended);
  void report(throttle_event event);
  void give_back_unstarted();
  const message_handler* find(const std::string& name) const;

  const subscription what;
  const subscription_surroundings around;
  const messaging_options options;
  detail::run_surroundings runs;

  subscription_machine machine;  // of the supervising fiber
  std::unique_ptr<consumer> from;
  mutex opening;  // guards `from`
  detail::mailbox<subscription_event> inbox;
  std::atomic<bool> finished{false}, cancelled{false}, interrupting{false};

  mutable std::mutex guard;  // the rest
  std::deque<task> waiting;
  std::size_t running = 0;
  std::size_t next_worker = 0;
  throttle_machine throttle;
  subscription_statistics seen;
  detail::fiber_group fibers;
};

subscription_runner::state::state(subscription described, subscription_surroundings surroundings, const messaging_options& with)
    : what(std::move(described)),
      around(std::move(surroundings)),
      options(with),
      machine(std::hash<std::string>{}(what.name)),
      throttle(static_cast<std::size_t>(with.concurrency), with.throttle_after) {
  const auto* features = around.through ? &around.through->features() : nullptr;
  runs.what = &what;
  runs.module_store = around.module_store;
  runs.lifts = around.lifts;
  runs.rules = {.immediate_retries = options.immediate_retries,
                .delayed_retries = options.delayed_retries,
                .jitter = options.retry_jitter,
                .start_limit = options.start_limit,
                .rollout_window = options.rollout_window,
                .rollout_delay = options.rollout_delay,
                .has_store = around.module_store != nullptr,
                .retries_in_place = what.ordered && features && features->keeps_place};
  runs.handler_timeout = options.handler_timeout;
  runs.transport_counts_starts = features && features->counts_starts;
  runs.service = around.service;
  runs.report = [this](throttle_event event) { report(event); };
  runs.retried = [this] {
    const std::lock_guard lock(guard);
    ++seen.immediate_retries;
  };
  runs.stopping = [this] { return interrupting.load(); };
  seen.name = what.name;
}

subscription_runner::subscription_runner(subscription what, subscription_surroundings around, const messaging_options& options)
    : state_(std::make_shared<state>(std::move(what), std::move(around), options)) {}

subscription_runner::~subscription_runner() = default;

const subscription& subscription_runner::description() const noexcept { return state_->what; }

topology subscription_runner::declarations() const {
  const auto& what = state_->what;
  if (what.queue.empty()) return {};
  return {.exchanges = {{.name = what.exchange, .foreign = what.foreign_exchange}},
          .queues = {{.name = what.queue, .ordered = what.ordered}},
          .bindings = {{.queue = what.queue, .exchange = what.exchange, .routing_key = what.routing_key}}};
}

subscription_statistics subscription_runner::statistics() const {
  const std::lock_guard lock(state_->guard);
  auto now = state_->seen;
  now.waiting = state_->waiting.size();
  now.running = state_->running;
  now.throttle = state_->throttle.state();
  return now;
}

// -- the supervising fiber ------------------------------------------------------------------------------------------------

void subscription_runner::run() {
  auto& mine = *state_;
  if (!mine.around.module_store) log.warning("{subscription} has no store: no inbox, no delayed retries, no error store", mine.what.name);
  mine.machine = subscription_machine(std::hash<std::string>{}(mine.what.name));
  if (mine.around.through && !mine.what.queue.empty()) mine.supervise(subscription_event::start);
  while (!mine.finished) {
    for (const auto each : mine.inbox.take(mine.wake_at())) mine.supervise(each);
    mine.start_waiting();
    if (!mine.finished && steady_now() >= mine.machine.retry_at()) mine.supervise(subscription_event::timer);
  }
}

/// When the supervising fiber must look again by itself: at the next try to consume, at the end of the throttle's hold.
steady_time subscription_runner::state::wake_at() const {
  const bool retries = machine.state() == subscription_state::closed || machine.state() == subscription_state::cancelled_by_broker;
  const auto retry = retries ? machine.retry_at() : steady_time::max();
  const std::lock_guard lock(guard);
  const bool held = !waiting.empty() && throttle.permitted(steady_now()) == 0;
  return held ? std::min(retry, throttle.resume_at()) : retry;
}

void subscription_runner::state::supervise(subscription_event event) {
  switch (machine.on(event, steady_now())) {
    case subscription_step::subscribe:
      open();
      break;
    case subscription_step::close:
      finished = true;
      break;
    case subscription_step::none:
    case subscription_step::wait:
    case subscription_step::cancel:
      break;  // `cancel` and `drain` do it
  }
  const std::lock_guard lock(guard);
  seen.state = machine.state();
  seen.reconnects = machine.reconnects();
  if (seen.state == subscription_state::consuming) seen.last_trouble.clear();
}

void subscription_runner::state::open() {
  try {
    const std::unique_lock lock(opening);
    if (cancelled) return;
    from.reset();
    around.through->declare({.exchanges = {{.name = what.exchange, .foreign = what.foreign_exchange}},
                             .queues = {{.name = what.queue, .ordered = what.ordered}},
                             .bindings = {{.queue = what.queue, .exchange = what.exchange, .routing_key = what.routing_key}}});
    const auto prefetch = static_cast<std::size_t>(options.prefetch > 0 ? options.prefetch : options.concurrency * 2);
    from = around.through->subscribe(
        {.queue = what.queue, .prefetch = prefetch, .ordered = what.ordered, .lease = options.lease},
        [self = shared_from_this()](delivery next) {
          self->enqueue({.what = {.message = std::move(next.message), .redelivered = next.redelivered, .starts = next.starts, .row = {}},
                         .settle = std::move(next.settle),
                         .done = {}});
        },
        [self = shared_from_this()](consumer_state changed, std::string_view reason) {
          constexpr std::array events{subscription_event::consumer_resumed, subscription_event::consumer_cancelled,
                                      subscription_event::channel_closed};
          {
            const std::lock_guard guarded(self->guard);
            self->seen.last_trouble = reason;
          }
          self->inbox.post(events[static_cast<std::size_t>(changed)]);
        });
    inbox.post(subscription_event::subscribed);
  } catch (...) {
    const auto report = describe_current_exception();
    if (report.kind == error_kind::cancelled) throw;
    log.warning("{subscription} cannot consume {queue}: {code} {reason}", what.name, what.queue, report.code, report.reason);
    {
      const std::lock_guard lock(guard);
      seen.last_trouble = report.code + ": " + report.reason;
    }
    inbox.post(subscription_event::subscribe_failed);
  }
}

void subscription_runner::cancel() {
  auto& mine = *state_;
  mine.cancelled = true;
  mine.inbox.post(subscription_event::stop);
  {
    const std::unique_lock lock(mine.opening);
    if (mine.from) mine.from->cancel();
  }
  mine.give_back_unstarted();
}

void subscription_runner::drain(std::chrono::nanoseconds grace) {
  auto& mine = *state_;
  const masked_section masked(grace + std::chrono::seconds(60));
  if (!mine.fibers.join(grace)) {
    log.warning("{subscription}: handlers outlive the grace of the stop and are cancelled", mine.what.name);
    mine.interrupting = true;
    mine.fibers.cancel();
    if (!mine.fibers.join(std::chrono::seconds(30))) log.error("{subscription}: a handler does not end", mine.what.name);
  }
  {
    const std::unique_lock lock(mine.opening);
    if (mine.from) mine.from->close();
    mine.from.reset();
  }
  mine.finished = true;
  mine.inbox.post(subscription_event::drained);
  const std::lock_guard lock(mine.guard);
  mine.seen.state = subscription_state::stopped;
}

void subscription_runner::state::give_back_unstarted() {
  std::deque<task> unstarted;
  {
    const std::lock_guard lock(guard);
    unstarted = std::exchange(waiting, {});
  }
  for (auto& each : unstarted) {
    if (each.settle) each.settle->give_back({}, start_counting::uncounted);
    if (each.done) each.done();
  }
}

// -- deliveries -----------------------------------------------------------------------------------------------------------

bool subscription_runner::handles(const std::string& row_subscription) const {
  return state_->find(detail::parse_row_subscription(row_subscription).handler) != nullptr;
}

bool subscription_runner::accept(delayed_message row, std::function<void()> done) {
  if (state_->cancelled) return false;
  task next{.what = {.message = std::make_shared<const envelope>(row.message), .row = {}}, .settle = {}, .done = std::move(done)};
  next.what.row = std::move(row);
  state_->enqueue(std::move(next));
  return true;
}

const message_handler* subscription_runner::state::find(const std::string& name) const {
  const auto found = std::ranges::find_if(
      what.handlers, [&](const auto& each) { return each.name == name || std::ranges::find(each.aliases, name) != each.aliases.end(); });
  return found == what.handlers.end() ? nullptr : &*found;
}

void subscription_runner::state::enqueue(task next) {
  {
    const std::lock_guard lock(guard);
    if (next.what.message->id.empty() && seen.without_id++ == 0)
      log.warning("{subscription} gets messages without an id: duplicates cannot be told", what.name);
    waiting.push_back(std::move(next));
  }
  if (cancelled) return give_back_unstarted();
  dispatch();
}

/// Starts what may start; while the throttle holds everything back, the supervising fiber watches the clock.
void subscription_runner::state::dispatch() {
  if (start_waiting() == standing::held) inbox.post(subscription_event::timer);
}

/// Any thread; never suspends.
subscription_runner::state::standing subscription_runner::state::start_waiting() {
  while (true) {
    auto next = std::make_shared<task>();
    event_loop* worker = nullptr;
    {
      const std::lock_guard lock(guard);
      if (waiting.empty()) return standing::flowing;
      const auto permitted = throttle.permitted(steady_now());
      if (running >= permitted) return permitted == 0 ? standing::held : standing::flowing;
      *next = std::move(waiting.front());
      waiting.pop_front();
      ++running;
      worker = around.workers[next_worker++ % around.workers.size()];
    }
    fibers.start(*worker, what.name, [self = shared_from_this(), next] {
      self->handle(*next);
      {
        const std::lock_guard lock(self->guard);
        --self->running;
      }
      self->dispatch();
    });
  }
}

void subscription_runner::state::handle(task& which) {
  delivery_action verdict;
  try {
    if (which.what.row) {
      verdict = detail::run_handler(runs, *find(detail::parse_row_subscription(which.what.row->subscription).handler), which.what);
      count(verdict);
    } else {
      for (std::size_t i = 0; i < what.handlers.size(); ++i) {
        const auto ended = detail::run_handler(runs, what.handlers[i], which.what);
        count(ended);
        verdict = i == 0 ? ended : combine(verdict, ended);
      }
    }
  } catch (...) {
    const auto report = describe_current_exception();
    log.error("{subscription} could not handle a delivery: {code} {detail}", what.name, report.code, report.detail);
    verdict = {.step = delivery_step::give_back, .delay = std::chrono::seconds(1), .ending = delivery_ending::store_down};
  }
  settle(which, verdict);
}

void subscription_runner::state::settle(task& which, const delivery_action& verdict) {
  const bool back = verdict.step == delivery_step::give_back;
  if (which.settle) {
    if (back)
      which.settle->give_back(verdict.delay, verdict.counting);
    else
      which.settle->acknowledge();
  } else if (which.what.row && back) {
    detail::give_row_back(*around.module_store, *which.what.row, verdict.delay, verdict.counting);
  }
  if (which.done) which.done();
}

void subscription_runner::state::count(const delivery_action& ended) {
  const std::lock_guard lock(guard);
  switch (ended.ending) {
    case delivery_ending::committed:
      ++seen.handled;
      break;
    case delivery_ending::duplicate:
      ++seen.duplicates;
      break;
    case delivery_ending::expired:
      ++seen.expired;
      break;
    case delivery_ending::delayed:
      ++seen.delayed;
      break;
    case delivery_ending::too_new:
      ++seen.too_new;
      break;
    case delivery_ending::failed:
      ++seen.failed;
      break;
    case delivery_ending::parked_unrun:
      ++seen.failed;
      ++seen.parked_unrun;
      break;
    case delivery_ending::store_down:
    case delivery_ending::interrupted:
      ++seen.given_back;
      break;
    case delivery_ending::lost:
      ++seen.lost;
      break;
    case delivery_ending::none:
      break;
  }
}

void subscription_runner::state::report(throttle_event event) {
  const std::lock_guard lock(guard);
  const auto before = throttle.state();
  throttle.on(event, steady_now());
  if (before == throttle_state::open && throttle.state() == throttle_state::single)
    log.warning("{subscription}: everything fails, one message at a time now", what.name);
}

}  // namespace mamey::inline v1
