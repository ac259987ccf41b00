#include "consumer_process.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mamey::simulation {

namespace {
constexpr std::array<std::chrono::milliseconds, 3> delays{200ms, 1s, 2s};
constexpr std::size_t concurrency = 4;
}  // namespace

consumer_process::consumer_process(world& in, std::size_t number)
    : world_(in),
      number_(number),
      rules_{.immediate_retries = 1,
             .immediate_delay = 10ms,
             .delayed_retries = delays,
             .start_limit = 3,
             .rollout_window = 1h,
             .rollout_delay = 500ms,
             .store_down_delay = 200ms,
             .busy_delay = 300ms,
             .retries_in_place = in.settings.ordered && !in.settings.keys_held_in_store,
             .keys_held_in_store = in.settings.ordered && in.settings.keys_held_in_store} {}

void consumer_process::later(span delay, std::function<void()> what) {
  world_.time.after(delay, [this, mine = incarnation_, what = std::move(what)] {
    if (mine != incarnation_) return;
    if (world_.hits(world_.settings.crash)) return crash();
    what();
  });
}

void consumer_process::with_store(std::function<void()> operation, std::function<void()> answered, std::function<void()> away,
                                  std::function<void()> unknown) {
  auto& random = world_.time.random;
  later(random.between(50us, 2ms),
        [this, operation = std::move(operation), answered = std::move(answered), away = std::move(away), unknown = std::move(unknown)] {
          const auto mine = incarnation_;
          if (world_.hits(world_.settings.store_failure)) return later(1ms, away);
          operation();
          if (mine != incarnation_) return;
          if (world_.hits(world_.settings.store_failure / 3)) return later(1ms, unknown);
          later(world_.time.random.between(50us, 2ms), answered);
        });
}

// -- the process ----------------------------------------------------------------------------------------------------------

void consumer_process::start() {
  if (alive_) return;
  alive_ = true;
  ++incarnation_;
  held_ = 0;
  connection_ = 0;
  lost_claim_.clear();
  held_back_ = must_rest_ = false;
  subscription_ = std::make_unique<subscription_machine>(world_.time.random.next(), world_.settings.faults);
  throttle_ = std::make_unique<throttle_machine>(concurrency, 4);
  supervise(subscription_event::start);
  poll_delayed();
}

void consumer_process::crash() {
  if (!alive_) return;
  alive_ = false;
  ++incarnation_;
  if (connection_ != 0) world_.broker->disconnect(std::exchange(connection_, 0));
  world_.time.after(world_.time.random.between(10ms, 2s), [this] { start(); });
}

void consumer_process::supervise(subscription_event event, std::chrono::milliseconds pause_for) {
  const bool was_paused = subscription_->state() == subscription_state::paused;
  world_.met.subscription.meet(subscription_->state(), event);
  const auto step = subscription_->on(event, steady(), pause_for);
  // Handlers are held from the failure on. A machine that does not pause although it could lets them go on.
  const bool ends = subscription_->state() == subscription_state::draining || subscription_->state() == subscription_state::stopped;
  if (event == subscription_event::pause && step == subscription_step::none && !was_paused && !ends) held_back_ = false;
  if (was_paused && step == subscription_step::subscribe) held_back_ = must_rest_ = false;
  world_.expect_holds("subscription_machine", *subscription_);
  switch (step) {
    case subscription_step::none:
      return;
    case subscription_step::subscribe:
      return later(world_.time.random.between(1ms, 20ms), [this] { open(); });
    case subscription_step::wait:
      return later(std::max<span>(subscription_->retry_at() - steady(), 0ns), [this] { supervise(subscription_event::timer); });
    case subscription_step::cancel:
      return drain();
    case subscription_step::hold:
      return hold();
    case subscription_step::close:
      if (connection_ != 0) world_.broker->disconnect(std::exchange(connection_, 0));
      alive_ = false;
      ++incarnation_;
      return world_.time.after(100ms, [this] { start(); });
  }
}

void consumer_process::open() {
  if (subscription_->state() != subscription_state::connecting) return;
  if (world_.hits(world_.settings.broker_trouble)) return supervise(subscription_event::subscribe_failed);
  if (connection_ != 0) {  // of before a pause
    if (held_ > 0) return supervise(subscription_event::subscribe_failed);
    world_.broker->disconnect(std::exchange(connection_, 0));
  }
  connection_ = world_.broker->connect(*this);
  supervise(subscription_event::subscribed);
}

void consumer_process::connection_lost(bool cancelled) {
  if (!alive_) return;
  connection_ = 0;
  held_ = 0;
  supervise(cancelled ? subscription_event::consumer_cancelled : subscription_event::channel_closed);
}

/// Lets go of the queue when what runs has ended. An operator resumes it some time, or the pause ends earlier.
void consumer_process::hold() {
  let_go();
  if (subscription_->retry_at() != steady_time::max())
    later(std::max<span>(subscription_->retry_at() - steady(), 0ns), [this] { supervise(subscription_event::timer); });
  world_.time.after(world_.time.random.between(50ms, 3s), [this, mine = incarnation_] {
    if (mine == incarnation_) supervise(subscription_event::resume);
  });
}

void consumer_process::let_go() {
  if (!held_back_) return;
  if (held_ > 0) return later(20ms, [this] { let_go(); });
  if (connection_ != 0) world_.broker->disconnect(std::exchange(connection_, 0));
}

void consumer_process::stop_gently() {
  if (alive_) supervise(subscription_event::stop);
}

void consumer_process::drain() {
  if (held_ == 0) return supervise(subscription_event::drained);
  later(50ms, [this] { drain(); });
}

bool consumer_process::has_room() const {
  return alive_ && connection_ != 0 && subscription_->state() == subscription_state::consuming &&
         held_ < throttle_->permitted(steady_time(world_.time.now()));
}

void consumer_process::throttled(throttle_event event) {
  world_.met.throttle.meet(throttle_->state(), event);
  throttle_->on(event, steady());
  world_.expect_holds("throttle_machine", *throttle_);
  if (throttle_->permitted(steady()) == 0) later(throttle_->resume_at() - steady() + 1us, [this] { world_.broker->pump(); });
}

void consumer_process::poll_delayed() {
  if (!held_back_)
    with_store(
        [this] {
          auto& rows = world_.inbox_store->db();
          if (!lost_claim_.empty()) rows.release_due(std::exchange(lost_claim_, {}));
          const auto token = "c" + std::to_string(number_) + "." + std::to_string(world_.time.now().count());
          auto claimed = rows.claim_due({.token = token, .most = 4, .lease = 15s, .except = {}});
          if (world_.hits(world_.settings.store_failure)) {  // its answer is lost
            lost_claim_ = token;
            return;
          }
          for (auto& due : claimed) {
            auto which = std::make_shared<run>();
            which->message = std::make_shared<const envelope>(due.message);
            which->handlers = {due.subscription};
            which->row = std::move(due);
            later(1ms, [this, which] { begin(which); });
          }
        },
        [] {}, [] {}, [] {});
  later(world_.time.random.between(200ms, 500ms), [this] { poll_delayed(); });
}

void consumer_process::take(broker_model::handed handed) {
  ++held_;
  auto which = std::make_shared<run>();
  which->message = std::move(handed.message);
  which->item = handed.item;
  which->connection = connection_;
  which->redelivered = handed.redelivered;
  which->starts = handed.starts;
  which->handlers = world_.handlers;
  later(world_.time.random.between(10us, 1ms), [this, which] { begin(which); });
}

// -- one delivery at one handler ------------------------------------------------------------------------------------------

void consumer_process::begin(const run_ptr& which) {
  if (held_back_) {
    const delivery_action untouched{
        .step = delivery_step::give_back, .counting = start_counting::uncounted, .ending = delivery_ending::interrupted};
    return end(which, untouched);
  }
  const delivery_facts facts{.from_delayed_row = which->row.has_value(),
                             .redelivered = which->redelivered,
                             .starts_counted = which->row.has_value() || world_.settings.counts_starts,
                             .starts = which->row ? which->row->starts : which->starts,
                             .earlier_rounds = which->row ? which->row->rounds : 0,
                             .keyed = !which->message->key.empty(),
                             .too_new = which->message->min_version > world_.reader_version(),
                             .random = world_.time.random.share()};
  which->machine = std::make_unique<delivery_machine>(rules_, facts, world_.settings.faults, plan_of(*which));
  feed(which, delivery_event::begin);
}

void consumer_process::feed(const run_ptr& which, delivery_event event, int starts) {
  which->unit.reset();
  world_.met.delivery.meet(which->machine->state(), event);
  const auto action = which->machine->on(event, starts, which->error_code);
  world_.expect_holds("delivery_machine", *which->machine);
  perform(which, action);
}

handling_context consumer_process::context_of(const run& which) const {
  handling_context context{.handler = which.handlers[which.at], .inbox = inbox_key{which.handlers[which.at], which.message->id}};
  if (which.row) context.finished_delayed.push_back(which.row->id);
  context.faults = world_.settings.faults;
  return context;
}

void consumer_process::perform(const run_ptr& which, const delivery_action& action) {
  auto& book = *world_.inbox_store;
  const auto tell = [this, which](delivery_event event) { return [this, which, event] { feed(which, event); }; };
  const auto key = inbox_key{which->handlers[which->at], which->message->id};
  const auto write = [&](change_set changes) {
    auto outcome = std::make_shared<commit_outcome>();
    with_store(
        [this, which, &book, outcome, changes = std::move(changes)] {
          *outcome = book.commit(changes);
          if (*outcome == commit_outcome::committed && which->machine->ending() == delivery_ending::discarded)
            world_.discarded(which->handlers[which->at], which->message->id, which->error_code);
        },
        [this, which, outcome] {
          feed(which, *outcome == commit_outcome::committed ? delivery_event::stored : delivery_event::already_handled);
        },
        tell(delivery_event::store_down), tell(delivery_event::store_down));
  };
  switch (action.step) {
    case delivery_step::queue_behind: {
      auto waits = std::make_shared<bool>();
      return with_store([&book, waits, row = row_behind(*which)] { *waits = book.db().wait_behind(row); },
                        [this, which, waits] { feed(which, *waits ? delivery_event::queued_behind : delivery_event::nothing_ahead); },
                        tell(delivery_event::store_down), tell(delivery_event::store_down));
    }
    case delivery_step::check_inbox: {
      auto there = std::make_shared<bool>();
      return with_store([&book, key, there] { *there = book.db().was_handled(key); },
                        [this, which, there] { feed(which, *there ? delivery_event::handled : delivery_event::not_handled); },
                        tell(delivery_event::store_down), tell(delivery_event::store_down));
    }
    case delivery_step::count_start: {
      auto starts = std::make_shared<int>();
      return with_store([&book, key, starts, presumed = action.presumed] { *starts = book.db().count_start(key, presumed); },
                        [this, which, starts] { feed(which, delivery_event::start_counted, *starts); }, tell(delivery_event::store_down),
                        tell(delivery_event::store_down));
    }
    case delivery_step::run:
      if (held_back_) return feed(which, delivery_event::interrupted);
      return handle(which);
    case delivery_step::wait:
      return later(action.delay, tell(delivery_event::waited));
    case delivery_step::store_delayed:
      return write(delayed_row(*which, action.delay, action.rounds, 0));
    case delivery_step::store_failure:
      return write(failure_of(*which, action));
    case delivery_step::finish_row:
      return write({.inbox = {}, .finished_delayed = {which->row->id}});
    case delivery_step::acknowledge:
    case delivery_step::give_back:
      if (!world_.hits(world_.settings.store_failure)) undo(action.undo, key);
      if (action.ending == delivery_ending::paused) pause(which, action.pause_for);
      if (action.ending == delivery_ending::committed) throttled(throttle_event::succeeded);
      if (action.ending == delivery_ending::store_down) throttled(throttle_event::store_down);
      return end(which, action);
  }
}

void consumer_process::end(const run_ptr& which, const delivery_action& action) {
  which->verdict = which->at == 0 ? action : combine(which->verdict, action);
  if (++which->at < which->handlers.size()) return begin(which);
  settle(which);
}

void consumer_process::pause(const run_ptr& which, std::chrono::milliseconds pause_for) {
  world_.paused(which->handlers[which->at], which->message->id);
  if (held_back_) return;
  held_back_ = must_rest_ = true;
  later(world_.time.random.between(10us, 5ms), [this, pause_for] { supervise(subscription_event::pause, pause_for); });
}

const failure_plan* consumer_process::plan_of(const run& which) const {
  const auto found = world_.plans.find(which.handlers[which.at]);
  return found == world_.plans.end() ? nullptr : &found->second;
}

void consumer_process::settle(const run_ptr& which) {
  const auto& verdict = which->verdict;
  const bool back = verdict.step == delivery_step::give_back;
  if (which->row) {  // acknowledged by the commit that ended it; given back by storing it again
    --which->at;
    const int starts = which->row->starts - (verdict.counting == start_counting::uncounted ? 1 : 0);
    if (back)
      with_store([this, changes = delayed_row(*which, verdict.delay, which->row->rounds, starts)] { world_.inbox_store->commit(changes); },
                 [] {}, [] {}, [] {});
    return;
  }
  if (which->connection != connection_ || connection_ == 0) return;  // its connection is gone: the settlement too
  --held_;
  if (back)
    world_.broker->give_back(connection_, which->item, verdict.delay, verdict.counting);
  else
    world_.broker->acknowledge(connection_, which->item);
  world_.broker->pump();
}

void consumer_process::undo(start_undo how, const inbox_key& key) {
  if (how == start_undo::one) world_.inbox_store->db().take_back_start(key);
  if (how == start_undo::all) world_.inbox_store->db().forget_starts(key);
}

/// Of a process that died, the transaction stays open until somebody finds its connection gone.
bool consumer_process::begin_unit(const run_ptr& which) {
  if (!world_.interactive) return true;
  auto& open = world_.open_units[{which->handlers[which->at], which->message->id}];
  if (!open.expired()) return false;
  which->unit = std::make_shared<int>();
  open = which->unit;
  return true;
}

void consumer_process::handle(const run_ptr& which) {
  if (must_rest_) return world_.violate(which->message->id + " is handled although its subscription is paused");
  if (!begin_unit(which)) return later(1ms, [this, which] { feed(which, delivery_event::busy); });
  auto& random = world_.time.random;
  const bool slow = world_.hits(0.02);
  later(slow ? random.between(2s, 6s) : random.between(200us, 20ms), [this, which] {
    auto& message = world_.book.at(which->message->id);
    const auto failed = [&](throttle_event kind, delivery_event event, const char* code) {
      which->error_code = code;
      throttled(kind);
      feed(which, event);
    };
    switch (message.what) {
      case fate::aborts_the_process: {
        // Starts from the queue and those of a row behind a held key are counted apart.
        const int limit =
            rules_.keys_held_in_store
                ? rules_.start_limit * 2
                : std::max(rules_.start_limit,
                           world_.settings.counts_starts && rules_.retries_in_place
                               ? static_cast<int>(plan_of(*which) ? plan_of(*which)->most_delayed_retries() : delays.size()) + 1
                               : 0);
        // A transport counts for each copy. Else all count together, but for the first start of each further copy, which may be no redelivery; at
        // the second handler a redelivery takes one start for granted that ended at the first.
        const int copies = std::max(message.copies, 1);
        if (++message.aborts > (world_.settings.counts_starts ? copies * limit : limit + copies - 1 + limit - 1))
          world_.violate(message.id + " aborts its process again and again and is not parked");
        return crash();
      }
      case fate::is_refused_by_the_handler:
        if (world_.is_repaired(which->handlers[which->at], which->message->id)) break;
        return failed(throttle_event::failed_permanent, delivery_event::failed_permanent, "refused");
      case fate::fails_for_a_while:
        if (message.failures_left > 0) {
          --message.failures_left;
          return failed(throttle_event::failed_transient, delivery_event::failed_transient, "away");
        }
        break;
      default:
        break;
    }
    if (world_.hits(0.01)) return feed(which, delivery_event::interrupted);
    finish_handling(which);
  });
}

void consumer_process::finish_handling(const run_ptr& which) {
  change_set changes;
  const auto context = context_of(*which);
  changes.statements.push_back({.text = context.handler, .parameters = {sql_value(which->message->id)}, .expected_rows = {}});
  context.seal(changes);
  if (!changes.inbox) return commit_separately(which, std::move(changes), *context.inbox);
  auto outcome = std::make_shared<commit_outcome>();
  with_store([this, changes = std::move(changes), outcome] { *outcome = world_.inbox_store->commit(changes); },
             [this, which, outcome] {
               feed(which, *outcome == commit_outcome::committed ? delivery_event::committed : delivery_event::already_handled);
             },
             [this, which] {
               throttled(throttle_event::failed_transient);
               which->error_code = "away";
               feed(which, delivery_event::failed_transient);
             },
             [this, which] {
               which->error_code = "commit_unknown";
               feed(which, delivery_event::outcome_unknown);
             });
}

void consumer_process::commit_separately(const run_ptr& which, change_set changes, inbox_key key) {
  const auto unknown = [this, which] {
    which->error_code = "commit_unknown";
    feed(which, delivery_event::outcome_unknown);
  };
  with_store([this, changes = std::move(changes)] { world_.inbox_store->commit(changes); },
             [this, which, key = std::move(key), unknown] {
               with_store([this, key] { world_.inbox_store->commit({.inbox = key}); },
                          [this, which] { feed(which, delivery_event::committed); }, unknown, unknown);
             },
             unknown, unknown);
}

change_set consumer_process::delayed_row(const run& which, span delay, int rounds, int starts) const {
  delayed_message row{.id = which.handlers[which.at] + "/" + which.message->id,
                      .subscription = which.handlers[which.at],
                      .message = *which.message,
                      .rounds = rounds,
                      .starts = starts,
                      .delay = std::chrono::duration_cast<std::chrono::milliseconds>(delay),
                      .first_failed_at = which.row ? which.row->first_failed_at : wall_time(1us),
                      .last_error = {},
                      .holds_key = rules_.keys_held_in_store && !which.message->key.empty()};
  return {.inbox = {}, .delayed = {std::move(row)}};
}

delayed_message consumer_process::row_behind(const run& which) const {
  auto row = delayed_row(which, {}, 0, 0).delayed.front();
  row.first_failed_at = {};
  return row;
}

change_set consumer_process::failure_of(const run& which, const delivery_action& action) const {
  const auto& handler = which.handlers[which.at];
  error_record record{
      .id = handler + "/" + which.message->id + "/" + std::to_string(number_) + "." + std::to_string(world_.time.now().count()),
      .key = {handler, which.message->id},
      .message = *which.message,
      .error_code = action.ending == delivery_ending::parked_unrun ? "start_limit_exceeded" : "refused",
      .error_reason = {}};
  envelope rejected;
  rejected.id = derived_id(which.message->id, handler);
  change_set changes{.inbox = inbox_key{handler, which.message->id}, .outbox = {std::move(rejected)}};
  if (action.ending != delivery_ending::discarded) changes.errors.push_back(std::move(record));
  if (which.row) changes.finished_delayed.push_back(which.row->id);
  return changes;
}

}  // namespace mamey::simulation
