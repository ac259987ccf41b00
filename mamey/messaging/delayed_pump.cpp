#include <mamey/messaging/delayed_pump.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <mamey/core/uuid.hpp>
#include <mamey/messaging/detail/describe.hpp>
#include <mamey/messaging/detail/handler_run.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/messaging/subscription_runner.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

enum class nudge : std::uint8_t { wake, row_done };

constexpr std::size_t most_lost = 64;  ///< claims without an answer

std::vector<std::string> row_names_of(const subscription& what) {
  std::vector<std::string> names;
  for (const auto& each : what.handlers) {
    names.push_back(each.name);
    names.insert(names.end(), each.aliases.begin(), each.aliases.end());
  }
  return names;
}

}  // namespace

struct delayed_pump::state : std::enable_shared_from_this<state> {
  state(delayed_store& delayed_rows, unit_store& units_of_work, std::vector<subscription_runner*> runners, delayed_pump_settings with)
      : rows(delayed_rows), units(units_of_work), settings(with), poll(with.shortest_poll) {
    for (auto* const each : runners) to.push_back({.runner = each, .handlers = row_names_of(each->description())});
  }

  /// A subscription and the rows it has of us. A throttled one keeps its own waiting, never those of others.
  struct taker {
    subscription_runner* runner = nullptr;
    std::vector<std::string> handlers;  ///< what its rows may be called for
    std::size_t has = 0;                ///< guarded by `counting`
  };

  std::optional<std::chrono::milliseconds> next_due();
  std::chrono::nanoseconds idle_time(std::optional<std::chrono::milliseconds> next) const;
  std::chrono::nanoseconds bounded_sleep(std::chrono::nanoseconds span) const;
  due_request next_request();
  std::size_t claim(const due_request& request);
  void hand_over(delayed_message row, steady_time asked);
  void leave_or_bury(delayed_message row);
  void bury(const delayed_message& row);
  void release_lost();
  void one_done(std::size_t of);

  delayed_store& rows;
  unit_store& units;
  std::vector<taker> to;
  const delayed_pump_settings settings;
  detail::mailbox<nudge> inbox;
  std::atomic<bool> stopped{false}, nudged{false};
  mutable std::mutex counting;
  std::atomic<std::uint64_t> claimed{0}, orphans{0}, left{0};
  std::chrono::milliseconds poll;

  struct lost_claim {
    std::string token;
    steady_time until;
    steady_time release_at = steady_time::min();
  };
  std::deque<lost_claim> lost;  ///< whose answer never came: they may hold rows
};

delayed_pump::delayed_pump(delayed_store& rows, unit_store& units, std::vector<subscription_runner*> to, delayed_pump_settings settings)
    : state_(std::make_shared<state>(rows, units, std::move(to), settings)) {}
delayed_pump::~delayed_pump() = default;

void delayed_pump::wake() noexcept {
  if (!state_->nudged.exchange(true)) state_->inbox.post(nudge::wake);
}

void delayed_pump::stop() noexcept {
  state_->stopped = true;
  state_->inbox.post(nudge::wake);
}

delayed_pump_statistics delayed_pump::statistics() const {
  const std::lock_guard lock(state_->counting);
  delayed_pump_statistics now{.claimed = state_->claimed, .orphans = state_->orphans, .left = state_->left};
  for (const auto& each : state_->to) now.running += each.has;
  return now;
}

void delayed_pump::run() {
  auto& mine = *state_;
  bool only_looks = false;  // nothing says that a row is due: most that are written are for later
  while (!mine.stopped) {
    mine.release_lost();
    const auto request = mine.next_request();
    std::chrono::nanoseconds span = mine.settings.patience / 3;
    if (request.most > 0) {
      if (!only_looks && mine.claim(request) > 0) {
        mine.poll = mine.settings.shortest_poll;
        continue;
      }
      const auto next = mine.next_due();
      if (std::exchange(only_looks, false) && next && next->count() <= 0) continue;
      span = mine.idle_time(next);
      only_looks = span >= mine.settings.longest_sleep;
    }
    const auto waited = mine.inbox.take(steady_now() + mine.bounded_sleep(span));
    for (const auto& each : mine.to) each.runner->give_back_rows_claimed_before(steady_now() - mine.settings.patience);
    mine.nudged = false;
    const bool woken = std::ranges::find(waited, nudge::wake) != waited.end();
    mine.poll = woken ? mine.settings.shortest_poll : std::min(mine.poll * 2, mine.settings.longest_poll);
    const bool row_done = std::ranges::find(waited, nudge::row_done) != waited.end();
    only_looks = !row_done && (woken || only_looks);
  }
}

std::optional<std::chrono::milliseconds> delayed_pump::state::next_due() {
  const masked_section masked;
  return rows.next_due();
}

/// Until the next look for rows, when there are none to claim now.
std::chrono::nanoseconds delayed_pump::state::idle_time(std::optional<std::chrono::milliseconds> next) const {
  if (!next) return settings.longest_sleep;
  // Due and yet not handed out: it waits for something that nobody tells us of.
  return next->count() > 0 ? std::min(*next, settings.longest_sleep) : poll;
}

/// Shorter where something has to be done meanwhile: rows that do not begin go back, and claims whose answer was lost are freed.
std::chrono::nanoseconds delayed_pump::state::bounded_sleep(std::chrono::nanoseconds span) const {
  if (!lost.empty()) span = std::min<std::chrono::nanoseconds>(span, settings.longest_poll);
  const std::lock_guard lock(counting);
  const bool any = std::ranges::any_of(to, [](const taker& each) { return each.has > 0; });
  return any ? std::min<std::chrono::nanoseconds>(span, settings.patience / 3) : span;
}

/// Asks for no more than the fullest of those that have room can take: all that comes may be its. One that is more than half full is left
/// out until it has worked some off, so that its last place does not make the claims of all small.
due_request delayed_pump::state::next_request() {
  due_request next{.token = uuid::v4().to_compact_string(), .most = settings.most_of_one, .lease = settings.lease, .except = {}};
  const std::lock_guard lock(counting);
  for (const auto& each : to) {
    if (each.has * 2 > settings.most_of_one || each.runner->paused())
      next.except.insert(next.except.end(), each.handlers.begin(), each.handlers.end());
    else
      next.most = std::min(next.most, settings.most_of_one - each.has);
  }
  if (!to.empty() && std::ranges::all_of(to, [&](const taker& each) { return each.has * 2 > settings.most_of_one; })) next.most = 0;
  return next;
}

std::size_t delayed_pump::state::claim(const due_request& request) {
  const masked_section masked;
  const auto asked = steady_now();
  std::vector<delayed_message> due;
  try {
    due = rows.claim_due(request);
  } catch (...) {
    // It may have been carried out, now or later: nobody else knows the token.
    lost.push_back({.token = request.token, .until = steady_now() + settings.patience});
    if (lost.size() > most_lost) lost.pop_front();
    throw;
  }
  claimed += due.size();
  for (auto& each : due) hand_over(std::move(each), asked);
  return due.size();
}

/// Again and again for a while: the server may still be at it when the connection is gone.
void delayed_pump::state::release_lost() {
  const auto now = steady_now();
  try {
    const masked_section masked;
    for (auto& each : lost) {
      if (now < each.release_at) continue;
      rows.release_due(each.token);
      each.release_at = now + settings.longest_poll;
    }
  } catch (...) {  // another time; a claim tells whether the store is there
    log.debug("delayed rows wait for the end of a claim: {detail}", detail::words_of(describe_current_exception()));
  }
  std::erase_if(lost, [now](const lost_claim& each) { return each.until <= now; });
}

void delayed_pump::state::one_done(std::size_t of) {
  {
    const std::lock_guard lock(counting);
    --to[of].has;
  }
  inbox.post(nudge::row_done);
}

void delayed_pump::state::hand_over(delayed_message row, steady_time asked) {
  const auto whose = std::ranges::find_if(to, [&](const auto& each) { return each.runner->handles(row.subscription); });
  if (whose == to.end()) return leave_or_bury(std::move(row));
  const auto number = static_cast<std::size_t>(whose - to.begin());
  {
    const std::lock_guard lock(counting);
    ++whose->has;
  }
  const bool accepted = whose->runner->accept(std::move(row), asked, [self = shared_from_this(), number] { self->one_done(number); });
  if (accepted) return;
  one_done(number);
  detail::give_row_back(units, row, {}, start_counting::uncounted);  // stopping or paused: another instance may continue
}

/// While instances are replaced one by one, a newer one may have the handler.
void delayed_pump::state::leave_or_bury(delayed_message row) {
  const auto now = wall_now();
  if (row.waits_since == wall_time{}) row.waits_since = now;
  if (now - row.waits_since >= settings.rollout_window) return bury(row);
  ++left;
  log.info("{message_id} waits for an instance that has the handler {handler}", row.message.id, row.subscription);
  detail::give_row_back(units, row, settings.rollout_delay, start_counting::uncounted);
}

/// Nobody handles it any more (renamed without an alias, or removed): people decide.
void delayed_pump::state::bury(const delayed_message& row) {
  ++orphans;
  log.error("{message_id} waits for the handler {handler}, which does not exist: to the error store", row.message.id, row.subscription);
  const auto now = wall_now();
  try {
    units.commit(
        {.inbox = {},
         .errors = {{.id = uuid::v7().to_compact_string(),
                     .key = {row.subscription.substr(0, row.subscription.find('#')), row.message.id, row.message.tenant},
                     .message = row.message,
                     .error_code = "no_handler",
                     .error_reason =
                         "no instance with a handler of this name came within the rollout window; a renamed handler needs an alias",
                     .attempts = row.rounds,
                     .first_failed_at = row.first_failed_at == wall_time{} ? now : row.first_failed_at,
                     .failed_at = now}},
         .finished_delayed = {row.id}});
  } catch (...) {  // its claim expires; the other rows of that claim must not wait for that
    log.warning("{message_id} could not be put into the error store: {detail}", row.message.id,
                detail::words_of(describe_current_exception()));
  }
}

}  // namespace mamey::inline v1
