#include <mamey/messaging/message_endpoint.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/core/uuid.hpp>
#include <mamey/messaging/cleaner.hpp>
#include <mamey/messaging/store.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/supervisor.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

void check(const message_endpoint_parts& parts) {
  std::vector<violation> found;
  for (auto& each : problems_of(parts.outbox, parts.messaging))
    found.push_back({.path = "messaging", .code = "invalid", .message = std::move(each)});
  std::set<std::string> names;
  const auto check_name = [&](const std::string& name, const char* what) {
    if (name.empty())
      found.push_back({.path = "messaging", .code = "required", .message = std::string("a ") + what + " has no name"});
    else if (name.find('#') != std::string::npos)
      found.push_back(
          {.path = "messaging", .code = "invalid", .message = std::string("the ") + what + " " + name + " must not contain '#'"});
    else if (!names.insert(std::string(what) + '/' + name).second)
      found.push_back({.path = "messaging", .code = "invalid", .message = std::string("two ") + what + "s are named " + name});
  };
  for (const auto& each : parts.subscriptions) {
    check_name(each.name, "subscription");
    for (const auto& handler : each.handlers) {
      check_name(handler.name, "handler");
      if (!handler.plan) continue;
      for (auto& wrong : problems_of(parts.messaging, handler.name, *handler.plan))
        found.push_back({.path = "messaging", .code = "invalid", .message = std::move(wrong)});
    }
  }
  if (!found.empty()) throw validation_error(std::move(found), "invalid_messaging");
}

/// Messages that wait for people.
std::string put_aside(std::int64_t parked, std::int64_t errors) {
  const auto messages = [](std::int64_t count) { return std::to_string(count) + (count == 1 ? " message is" : " messages are"); };
  std::string words;
  if (parked > 0) words = messages(parked) + " parked: the transport refuses what was to be sent";
  if (errors > 0) words += (words.empty() ? "" : "; ") + messages(errors) + " in the error store";
  return words;
}

/// Without other processes every change reaches us as a call. One check per hour is for a call that a mistake of ours forgot.
constexpr std::chrono::milliseconds longest_sleep = std::chrono::hours(1);

/// For delayed rows that other processes wrote; the process that writes a row looks for it at once.
constexpr std::chrono::milliseconds look_for_others = delayed_pump_settings{}.longest_sleep;

relay_settings outbox_settings(const message_endpoint_parts& parts) {
  auto settings = relay_settings_of(parts.outbox, parts.through->features(), parts.service + '/' + uuid::v7().to_compact_string());
  if (!parts.alone) return settings;
  settings.longest_poll = longest_sleep;
  settings.lease = std::max<std::chrono::milliseconds>(settings.lease, std::chrono::hours(24 * 365));  // there is nobody to take over
  return settings;
}

/// A claim of a delayed row is not renewed: it must outlast a handler with its immediate retries.
std::chrono::milliseconds row_lease(const message_endpoint_parts& parts) {
  int most = parts.messaging.immediate_retries;
  for (const auto& each : parts.subscriptions) {
    for (const auto& handler : each.handlers) most = std::max(most, handler.plan ? handler.plan->most_immediate_retries() : 0);
  }
  return parts.messaging.handler_timeout * (most + 1) + std::chrono::seconds(30);
}

}  // namespace

struct message_endpoint::state {
  explicit state(message_endpoint_parts given);
  void observe();
  enum class backlog_reading : std::uint8_t { failed, messages_wait, nothing_waits };
  backlog_reading read_backlog();
  std::uint64_t activity() const;

  message_endpoint_parts parts;
  std::vector<std::unique_ptr<subscription_runner>> runners;
  std::unique_ptr<relay> outbox;
  std::unique_ptr<delayed_pump> pump;
  std::unique_ptr<cleaner> upkeep;
  semaphore observer_woken{0};
  std::atomic<bool> observer_stopped{false}, observer_called{false};
  std::atomic<std::uint64_t> commits{0};            ///< that wrote messages
  std::atomic<steady_time> read_at{steady_time{}};  ///< the last reading of the backlog
  bool awaits_exchanges = false;                    ///< of other services, which were not there when all was declared
  std::unique_ptr<supervisor> consuming, sending;
  mutable std::mutex guard;
  outbox_state backlog;  // guarded, as the next two
  std::int64_t errors = 0;
  std::string store_trouble;
};

message_endpoint::state::state(message_endpoint_parts given) : parts(std::move(given)) {
  const subscription_surroundings around{.through = parts.through,
                                         .module_store = parts.module_store,
                                         .lifts = parts.lifts,
                                         .workers = parts.workers,
                                         .service = parts.service};
  for (const auto& each : parts.subscriptions) runners.push_back(std::make_unique<subscription_runner>(each, around, parts.messaging));
  std::map<std::string, std::vector<subscription_runner*>> by_queue;
  for (const auto& each : runners) by_queue[each->description().queue].push_back(each.get());
  for (const auto& [queue, sharing] : by_queue) {
    if (queue.empty() || sharing.size() < 2) continue;
    for (auto* each : sharing) each->share_queue_with(sharing);
  }
  if (!parts.module_store) return;
  topology own;
  if (!parts.own_exchange.name.empty()) own.exchanges.push_back(parts.own_exchange);
  if (parts.through && parts.messaging.publishing) {
    outbox = std::make_unique<relay>(*parts.module_store, *parts.through, outbox_settings(parts), std::move(own));
  }
  std::vector<subscription_runner*> fed;
  for (const auto& each : runners) fed.push_back(each.get());
  pump = std::make_unique<delayed_pump>(*parts.module_store, *parts.module_store, std::move(fed),
                                        delayed_pump_settings{.most_of_one = static_cast<std::size_t>(parts.messaging.concurrency) * 2,
                                                              .lease = row_lease(parts),
                                                              .rollout_window = parts.messaging.rollout_window,
                                                              .rollout_delay = parts.messaging.rollout_delay,
                                                              .longest_sleep = parts.alone ? longest_sleep : look_for_others});
  upkeep = std::make_unique<cleaner>(*parts.module_store, retention_of(parts.outbox, parts.messaging),
                                     parts.alone ? longest_sleep : std::chrono::minutes(1));
}

namespace {
constexpr std::chrono::nanoseconds shortest_reading = std::chrono::seconds(1), longest_reading = std::chrono::minutes(1);
}

/// Grows with everything that this process does to its messages.
std::uint64_t message_endpoint::state::activity() const {
  std::uint64_t sum = commits;
  if (outbox) {
    const auto now = outbox->statistics().counts;
    sum += now.claimed + now.confirmed + now.unroutable + now.refused + now.parked + now.postponed;
  }
  for (const auto& each : runners) {
    const auto now = each->statistics();
    sum += now.attempts + now.handled + now.failed + now.parked_unrun;
  }
  return pump ? sum + pump->statistics().orphans : sum;
}

message_endpoint::state::backlog_reading message_endpoint::state::read_backlog() {
  try {
    const auto current = parts.module_store->read_outbox_state();
    const auto kept = parts.module_store->count_errors();
    const std::lock_guard lock(guard);
    backlog = current;
    errors = kept;
    store_trouble.clear();
    return current.pending > 0 ? backlog_reading::messages_wait : backlog_reading::nothing_waits;
  } catch (const error& cause) {
    const std::lock_guard lock(guard);
    store_trouble = cause.code() + ": " + cause.reason();
    return backlog_reading::failed;
  }
}

/// Reads the values for metrics and health: each second while this process sends or handles messages or some wait, less often where counting
/// a long backlog takes the database a while; otherwise when somebody asked for them, and at long intervals, for what other processes did.
void message_endpoint::state::observe() {
  bool wanted = true;
  auto pause = shortest_reading, idle = shortest_reading;
  std::uint64_t seen = 0;
  for (;;) {
    // Only our own commits change a store that is ours alone, and each of them calls.
    const bool called = observer_woken.try_acquire_until(steady_now() + (parts.alone ? pause : shortest_reading));
    if (observer_stopped) return;
    observer_called = false;
    if (parts.alone) {
      idle = called ? shortest_reading : std::min<std::chrono::nanoseconds>(idle * 2, longest_sleep);
    } else {
      const auto before = std::exchange(seen, activity());
      wanted = wanted || called || seen != before;
      const auto since = steady_now() - read_at.load();
      if (since < (wanted ? pause : longest_reading)) continue;
    }
    const auto began = steady_now();
    const auto found = read_backlog();
    read_at = began;
    wanted = found != backlog_reading::nothing_waits;
    pause = found == backlog_reading::failed
                ? idle
                : std::clamp<std::chrono::nanoseconds>((steady_now() - began) * 50, idle, std::max(idle, longest_reading));
  }
}

message_endpoint::message_endpoint(message_endpoint_parts parts) {
  check(parts);
  state_ = std::make_unique<state>(std::move(parts));
}

/// Also after a start that failed in the middle, and a stop that did: the loops end before what they use.
message_endpoint::~message_endpoint() {
  auto& mine = *state_;
  if (mine.sending) mine.parts.module_store->on_commit({});
  mine.sending.reset();
  mine.consuming.reset();
}

void message_endpoint::declare() {
  auto& mine = *state_;
  if (!mine.parts.through) return;
  try {
    topology all;
    if (!mine.parts.own_exchange.name.empty()) all.exchanges.push_back(mine.parts.own_exchange);
    for (const auto& each : mine.runners) {
      auto wanted = each->declarations();
      all.exchanges.insert(all.exchanges.end(), wanted.exchanges.begin(), wanted.exchanges.end());
      all.queues.insert(all.queues.end(), wanted.queues.begin(), wanted.queues.end());
      all.bindings.insert(all.bindings.end(), wanted.bindings.begin(), wanted.bindings.end());
    }
    mine.parts.through->declare(all);
    mine.awaits_exchanges = false;
  } catch (const exchange_awaited&) {  // its subscription says so when it starts
    mine.awaits_exchanges = true;
  } catch (const unavailable& cause) {
    log.warning("the broker is away, queues are declared when it returns: {reason}", cause);
  } catch (const conflict& cause) {  // its subscription says so in health when it starts; the others are none the worse
    log.error("{reason}", cause);
  }
}

void message_endpoint::start_consuming() {
  auto& mine = *state_;
  // Other applications of the process have declared theirs by now: what they publish in a moment must find us bound.
  if (mine.awaits_exchanges) declare();
  mine.consuming = std::make_unique<supervisor>(*mine.parts.system_loop, [](const supervised_status& status) {
    log.error("{loop} failed and starts again: {reason}", status.name, status.last_error);
  });
  for (const auto& each : mine.runners) {
    mine.consuming->start("subscription " + each->description().name, [runner = each.get()] { runner->run(); });
  }
}

void message_endpoint::start_relay() {
  auto& mine = *state_;
  if (!mine.parts.module_store) return;
  mine.sending = std::make_unique<supervisor>(*mine.parts.system_loop, [](const supervised_status& status) {
    log.error("{loop} failed and starts again: {reason}", status.name, status.last_error);
  });
  mine.parts.module_store->on_commit([&mine, outbox = mine.outbox.get(), pump = mine.pump.get()](written_rows rows) {
    if (outbox && rows.outbox) outbox->wake();
    if (rows.delayed) pump->wake();
    ++mine.commits;
    if (mine.parts.alone && !mine.observer_called.exchange(true)) mine.observer_woken.release();
  });
  if (mine.outbox) mine.sending->start("outbox relay", [&mine] { mine.outbox->run(); });
  mine.sending->start("delayed messages", [&mine] { mine.pump->run(); });
  mine.sending->start("message upkeep", [&mine] { mine.upkeep->run(); });
  mine.sending->start("message statistics", [&mine] { mine.observe(); });
}

void message_endpoint::cancel_consumers() {
  if (state_->pump) state_->pump->stop();
  for (const auto& each : state_->runners) each->cancel();
}

void message_endpoint::finish_in_flight(std::chrono::nanoseconds grace) {
  const auto until = steady_now() + grace;
  for (const auto& each : state_->runners)
    each->drain(std::max<std::chrono::nanoseconds>(until - steady_now(), std::chrono::nanoseconds(0)));
  if (state_->consuming) state_->consuming->stop(std::chrono::seconds(5));
  state_->consuming.reset();
}

void message_endpoint::stop_relay(std::chrono::nanoseconds grace) {
  auto& mine = *state_;
  if (!mine.sending) return;
  mine.parts.module_store->on_commit({});
  mine.upkeep->stop();
  mine.observer_stopped = true;
  mine.observer_woken.release();
  if (mine.outbox) mine.outbox->stop(grace);
  mine.sending->stop(std::chrono::seconds(5));
  mine.sending.reset();
}

void message_endpoint::resume(std::string_view subscription) {
  auto& mine = *state_;
  std::string known;
  for (const auto& each : mine.runners) {
    const auto& name = each->description().name;
    known += (known.empty() ? "" : ", ") + name;
    if (name != subscription) continue;
    if (!each->resume()) throw conflict("subscription_not_paused", "the subscription {} is not paused", subscription);
    if (mine.pump) mine.pump->wake();
    return;
  }
  throw not_found("subscription_not_found", "there is no subscription {}: expected one of {}", subscription, known);
}

messaging_statistics message_endpoint::statistics() const {
  auto& mine = *state_;
  if (steady_now() - mine.read_at.load() >= shortest_reading && !mine.observer_called.exchange(true)) mine.observer_woken.release();
  messaging_statistics now;
  for (const auto& each : mine.runners) {
    now.subscriptions.push_back(each->statistics());
    const auto& last = now.subscriptions.back();
    if (now.trouble.empty() && !last.last_trouble.empty())
      now.trouble = last.name + " is " + name_of(last.state) + ": " + last.last_trouble;
  }
  if (mine.outbox) now.outbox = mine.outbox->statistics();
  if (mine.pump) now.delayed = mine.pump->statistics();
  if (now.trouble.empty() && !now.outbox.last_fault.empty()) now.trouble = "the outbox cannot publish: " + now.outbox.last_fault;
  if (now.trouble.empty() && !now.outbox.waiting.empty())
    now.trouble = "messages wait for a destination that does not take them: " + now.outbox.waiting;
  if (now.trouble.empty() && !now.outbox.refused.empty()) now.trouble = "a message is not taken and is tried again: " + now.outbox.refused;
  for (const auto* loops : {mine.consuming.get(), mine.sending.get()}) {
    if (loops == nullptr || !now.trouble.empty()) continue;
    for (const auto& each : loops->status()) {
      if (each.state == supervised_status::state_type::backing_off)
        now.trouble = each.name + " failed and starts again: " + each.last_error;
    }
  }
  const std::lock_guard lock(mine.guard);
  now.backlog = mine.backlog;
  now.errors = mine.errors;
  if (now.trouble.empty()) now.trouble = mine.store_trouble;
  const auto aside = put_aside(now.backlog.parked, now.errors);
  if (!aside.empty()) now.trouble += (now.trouble.empty() ? "" : "; ") + aside;
  return now;
}

}  // namespace mamey::inline v1
