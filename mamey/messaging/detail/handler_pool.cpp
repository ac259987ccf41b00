#include <mamey/messaging/detail/handler_pool.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/shared_queue.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::detail {

namespace {

const logger log{"mamey.messaging"};

/// Of a message that comes while its subscription is paused.
constexpr delivery_action untouched{
    .step = delivery_step::give_back, .counting = start_counting::uncounted, .ending = delivery_ending::interrupted};

recoverability rules_of(const subscription& what, const subscription_surroundings& around, const messaging_options& options) {
  const bool keeps_place = what.ordered && around.through && around.through->features().keeps_place;
  // What waits at the consumer takes the room of other keys, and its tries are forgotten with the process: the store does both better.
  const bool in_store = keeps_place && around.module_store && around.through->features().holds_places;
  return {.immediate_retries = options.immediate_retries,
          .delayed_retries = options.delayed_retries,
          .jitter = options.retry_jitter,
          .start_limit = options.start_limit,
          .rollout_window = options.rollout_window,
          .rollout_delay = options.rollout_delay,
          .has_store = around.module_store != nullptr,
          .retries_in_place = keeps_place && !in_store,
          .keys_held_in_store = in_store};
}

}  // namespace

handler_pool::handler_pool(const subscription& what, const subscription_surroundings& around, const messaging_options& options,
                           std::function<void()> held, pause_callback pause)
    : what_(what),
      around_(around),
      runs_{.what = &what,
            .module_store = around.module_store,
            .lifts = around.lifts,
            .rules = rules_of(what, around, options),
            .handler_timeout = options.handler_timeout,
            .transport_counts_starts = around.through && around.through->features().counts_starts,
            .look_first = options.look_before_handling,
            .forward_headers = options.forward_headers,
            .service = around.service,
            .report = [this](throttle_event event) { report(event); },
            .begun =
                [this](bool again) {
                  const std::lock_guard lock(mutex_);
                  ++seen_.attempts;
                  if (again) ++seen_.immediate_retries;
                },
            .stopping = [this] { return interrupting_.load(); },
            .paused = [this] { return paused_.load(); },
            .pause = std::move(pause)},
      held_(std::move(held)),
      throttle_(static_cast<std::size_t>(options.concurrency), options.throttle_after) {
  seen_.name = what.name;
}

void handler_pool::add(delivery next) {
  enqueue({.what = {.message = std::move(next.message), .redelivered = next.redelivered, .starts = next.starts, .row = {}},
           .settle = std::move(next.settle),
           .done = {}});
}

void handler_pool::add(delayed_message row, steady_time claimed, std::function<void()> done) {
  task next{.what = {.message = std::make_shared<const envelope>(row.message), .row = {}},
            .settle = {},
            .done = std::move(done),
            .claimed = claimed};
  next.what.row = std::move(row);
  enqueue(std::move(next));
}

void handler_pool::enqueue(task next) {
  {
    const std::lock_guard lock(mutex_);
    if (next.what.message->id.empty() && seen_.without_id++ == 0) {
      log.warning("{subscription} gets messages without an id: duplicates cannot be recognised", what_.name);
    }
    waiting_.push_back(std::move(next));
  }
  if (cancelled_)
    give_back(take_waiting([](const task&) { return true; }), {});
  else
    dispatch();
}

void handler_pool::resume() {
  paused_ = false;
  dispatch();
}

bool handler_pool::idle() const {
  const std::lock_guard lock(mutex_);
  return running_ == 0;
}

void handler_pool::dispatch() {
  if (start_permitted() == standing::held) held_();
}

void handler_pool::start_waiting() { start_permitted(); }

steady_time handler_pool::resume_at() const {
  const std::lock_guard lock(mutex_);
  if (paused_) return steady_time::max();
  const bool held = !waiting_.empty() && throttle_.permitted(steady_now()) == 0;
  return held ? throttle_.resume_at() : steady_time::max();
}

std::string_view handler_pool::check() const {
  if (running_ > throttle_.full()) return "no more handlers run than the subscription permits";
  if (suspects_running_ > running_) return "a suspect that runs is one of those that run";
  return throttle_.check();
}

/// A message that may have been under way when a process died, and has not been tried in this one, is run beside no other such one: when
/// the process dies again, a start is held against the one that did it, not against all that ran beside it. Copies of one message do not
/// wait for each other.
bool handler_pool::is_suspect(const task& which) const {
  if (which.what.row) return which.what.row->starts > 1;
  return around_.module_store && which.what.redelivered && which.what.starts <= 1;
}

std::deque<handler_pool::task>::iterator handler_pool::next_to_start() {
  if (suspects_running_ == 0) return waiting_.begin();
  return std::ranges::find_if(waiting_, [this](const task& each) { return !is_suspect(each) || each.what.message->id == suspect_id_; });
}

/// Of one that runs, however it ends.
class handler_pool::place_of_one {
 public:
  place_of_one(handler_pool& in, bool suspect) : in_(in), suspect_(suspect) {}
  ~place_of_one() {
    const std::lock_guard lock(in_.mutex_);
    const invariants_after asserted(in_, "handler_pool");
    --in_.running_;
    if (suspect_) --in_.suspects_running_;
    if (in_.paused_ && in_.running_ == 0) in_.held_();
  }
  place_of_one(const place_of_one&) = delete;
  place_of_one& operator=(const place_of_one&) = delete;

 private:
  handler_pool& in_;
  bool suspect_;
};

handler_pool::standing handler_pool::start_permitted() {
  while (true) {
    auto next = std::make_shared<task>();
    event_loop* worker = nullptr;
    bool suspect = false;
    {
      const std::lock_guard lock(mutex_);
      const invariants_after asserted(*this, "handler_pool");
      if (paused_) return standing::flowing;
      const auto first = next_to_start();
      if (first == waiting_.end()) return standing::flowing;
      const auto permitted = throttle_.permitted(steady_now());
      if (running_ >= permitted) return permitted == 0 ? standing::held : standing::flowing;
      *next = std::move(*first);
      waiting_.erase(first);
      ++running_;
      suspect = is_suspect(*next);
      if (suspect) {
        suspect_id_ = next->what.message->id;
        ++suspects_running_;
      }
      worker = around_.workers[next_worker_++ % around_.workers.size()];
    }
    try {
      fibers_.start(*worker, what_.name, [self = shared_from_this(), next, suspect] {
        {
          const place_of_one place(*self, suspect);
          self->handle(*next);
        }
        self->dispatch();
      });
    } catch (const std::bad_alloc&) {  // a delivery goes back with its destruction, the claim of a row ends
      const place_of_one given_up(*this, suspect);
      if (next->done) next->done();
      return standing::flowing;
    }
  }
}

const message_handler* handler_pool::find(const std::string& row_subscription) const {
  const auto name = parse_row_subscription(row_subscription).handler;
  const auto found = std::ranges::find_if(what_.handlers, [&](const message_handler& each) {
    return each.name == name || std::ranges::find(each.aliases, name) != each.aliases.end();
  });
  return found == what_.handlers.end() ? nullptr : &*found;
}

void handler_pool::share_queue_with(std::vector<const handler_pool*> all) { sharing_ = std::move(all); }

delivery_action handler_pool::run_handlers(const run_surroundings& runs, const incoming& delivered) {
  delivery_action verdict;
  for (std::size_t i = 0; i < runs.what->handlers.size(); ++i) {
    const auto ended = paused_ ? untouched : run_handler(runs, runs.what->handlers[i], delivered);
    count(ended);
    verdict = i == 0 ? ended : combine(verdict, ended);
  }
  return verdict;
}

/// The one of those on the queue that the message is for; null when nothing says which.
const handler_pool* handler_pool::meant_by_message(const envelope& message) const {
  std::vector<const subscription*> candidates;
  for (const auto* each : sharing_) candidates.push_back(&each->what_);
  const auto* meant = meant_by(message, candidates);
  const auto found = std::ranges::find_if(sharing_, [&](const handler_pool* each) { return &each->what_ == meant; });
  return found == sharing_.end() ? nullptr : *found;
}

std::string handler_pool::types_on_the_queue() const {
  std::string types;
  for (const auto* each : sharing_) types += (types.empty() ? "" : ", ") + each->what_.message_type;
  return types;
}

/// The consumer is ours, and so are settling, throttle and figures; handlers and rules are those of the subscription that the message is
/// for.
delivery_action handler_pool::choose_and_run(const incoming& delivered) {
  const auto* meant = meant_by_message(*delivered.message);
  if (meant == this) return run_handlers(runs_, delivered);
  auto runs = runs_;
  if (meant) {
    runs.what = &meant->what_;
    runs.rules = meant->runs_.rules;
  } else {
    runs.undecided = types_on_the_queue();
  }
  return run_handlers(runs, delivered);
}

/// A row names its handler. For a message that says nothing of its type this was the handler of whichever consumer got it: when somebody
/// asks for another try of it, it is refused as before.
delivery_action handler_pool::run_row(const incoming& claimed) {
  const auto& handler = *find(claimed.row->subscription);
  const bool is_certain = sharing_.empty() || !claimed.message->type.empty() || meant_by_message(*claimed.message) == this;
  if (is_certain) return run_handler(runs_, handler, claimed);
  auto runs = runs_;
  runs.undecided = types_on_the_queue();
  return run_handler(runs, handler, claimed);
}

void handler_pool::handle(task& which) {
  delivery_action verdict;
  try {
    if (which.what.row) {
      verdict = paused_ ? untouched : run_row(which.what);
      count(verdict);
    } else {
      verdict = sharing_.empty() ? run_handlers(runs_, which.what) : choose_and_run(which.what);
    }
  } catch (...) {
    const auto cause = describe_current_exception();
    log.error("{subscription} could not handle a delivery: {code} {detail}", what_.name, cause.code, words_of(cause));
    verdict = {.step = delivery_step::give_back, .delay = std::chrono::seconds(1), .ending = delivery_ending::store_down};
  }
  settle(which, verdict);
}

void handler_pool::settle(task& which, const delivery_action& verdict) const {
  const bool back = verdict.step == delivery_step::give_back;
  if (which.settle) {
    if (back)
      which.settle->give_back(verdict.delay, verdict.counting);
    else
      which.settle->acknowledge();
  } else if (which.what.row && back) {
    give_row_back(*around_.module_store, *which.what.row, verdict.delay, verdict.counting);
  }
  if (which.done) which.done();
}

void handler_pool::count(const delivery_action& ended) {
  const std::lock_guard lock(mutex_);
  switch (ended.ending) {
    case delivery_ending::committed:
      ++seen_.handled;
      break;
    case delivery_ending::duplicate:
      ++seen_.duplicates;
      break;
    case delivery_ending::expired:
      ++seen_.expired;
      break;
    case delivery_ending::delayed:
    case delivery_ending::behind:
      ++seen_.delayed;
      break;
    case delivery_ending::too_new:
      ++seen_.too_new;
      break;
    case delivery_ending::parked_unrun:
      ++seen_.parked_unrun;
      [[fallthrough]];
    case delivery_ending::failed:
      ++seen_.failed;
      break;
    case delivery_ending::store_down:
    case delivery_ending::interrupted:
      ++seen_.given_back;
      break;
    case delivery_ending::paused:
      ++seen_.given_back;
      break;
    case delivery_ending::discarded:
      ++seen_.discarded;
      break;
    case delivery_ending::busy:
      ++seen_.busy;
      break;
    case delivery_ending::lost:
      ++seen_.lost;
      break;
    case delivery_ending::none:
      break;
  }
}

void handler_pool::report(throttle_event event) {
  // Behind the failing messages of one type there are those of others, which a pause would hold up.
  if (event == throttle_event::failed_transient && !sharing_.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto before = throttle_.state();
  throttle_.on(event, steady_now());
  if (before == throttle_state::open && throttle_.state() == throttle_state::single) {
    log.warning("{subscription}: everything fails, one message at a time now", what_.name);
  }
}

void handler_pool::cancel() {
  cancelled_ = true;
  give_back(take_waiting([](const task&) { return true; }), {});
}

void handler_pool::end() {
  cancelled_ = true;
  interrupting_ = true;
  {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
  }
  fibers_.end();
}

void handler_pool::forget_waiting_deliveries() {
  give_back(take_waiting([](const task& each) { return each.settle != nullptr; }), {});
}

void handler_pool::give_back_rows_claimed_before(steady_time when) {
  give_back(take_waiting([&](const task& each) { return each.what.row && each.claimed < when; }), std::chrono::seconds(1));
}

template <class Which>
std::vector<handler_pool::task> handler_pool::take_waiting(Which which) {
  std::vector<task> taken;
  const std::lock_guard lock(mutex_);
  for (auto& each : std::exchange(waiting_, {})) (which(each) ? taken.emplace_back() : waiting_.emplace_back()) = std::move(each);
  return taken;
}

void handler_pool::give_back(std::vector<task> unstarted, std::chrono::milliseconds delay) {
  for (auto& each : unstarted) {
    if (each.settle) {
      each.settle->give_back(delay, start_counting::uncounted);
      continue;
    }
    // Telling the store may wait, which not every caller may.
    auto row = std::make_shared<task>(std::move(each));
    fibers_.start(*around_.workers.front(), what_.name, [self = shared_from_this(), row, delay] {
      give_row_back(*self->around_.module_store, *row->what.row, delay, start_counting::uncounted);
      row->done();
    });
  }
}

void handler_pool::drain(std::chrono::nanoseconds grace) {
  if (fibers_.join(grace)) return;
  log.warning("{subscription}: handlers outlive the grace of the stop and are cancelled", what_.name);
  interrupting_ = true;
  fibers_.cancel();
  if (!fibers_.join(std::chrono::seconds(30))) log.error("{subscription}: a handler does not end", what_.name);
}

subscription_statistics handler_pool::statistics() const {
  const std::lock_guard lock(mutex_);
  auto now = seen_;
  now.waiting = waiting_.size();
  now.running = running_;
  now.throttle = throttle_.state();
  return now;
}

}  // namespace mamey::inline v1::detail
