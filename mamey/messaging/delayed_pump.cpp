#include <mamey/messaging/delayed_pump.hpp>

#include <algorithm>
#include <atomic>

#include <mamey/core/uuid.hpp>
#include <mamey/messaging/detail/handler_run.hpp>
#include <mamey/messaging/detail/mailbox.hpp>
#include <mamey/messaging/subscription_runner.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {

namespace {

const logger log{"mamey.messaging"};

enum class nudge : std::uint8_t { wake, row_done };

}  // namespace

struct delayed_pump::state : std::enable_shared_from_this<state> {
  state(store& store_of_rows, std::vector<subscription_runner*> runners, delayed_pump_settings with)
      : from(store_of_rows), to(std::move(runners)), settings(with), poll(with.shortest_poll) {}

  std::size_t claim();
  void hand_over(store::due_message due, steady_time claimed);
  void bury(const delayed_message& row);

  store& from;
  const std::vector<subscription_runner*> to;
  const delayed_pump_settings settings;
  detail::mailbox<nudge> inbox;
  std::atomic<bool> stopped{false}, nudged{false};
  std::atomic<std::size_t> running{0};
  std::atomic<std::uint64_t> claimed{0}, orphans{0};
  std::chrono::milliseconds poll;
};

delayed_pump::delayed_pump(store& from, std::vector<subscription_runner*> to, delayed_pump_settings settings)
    : state_(std::make_shared<state>(from, std::move(to), settings)) {}
delayed_pump::~delayed_pump() = default;

void delayed_pump::wake() noexcept {
  if (!state_->nudged.exchange(true)) state_->inbox.post(nudge::wake);
}

void delayed_pump::stop() noexcept {
  state_->stopped = true;
  state_->inbox.post(nudge::wake);
}

delayed_pump_statistics delayed_pump::statistics() const {
  return {.claimed = state_->claimed, .orphans = state_->orphans, .running = state_->running};
}

void delayed_pump::run() {
  auto& mine = *state_;
  while (!mine.stopped) {
    const bool room = mine.running < mine.settings.most_at_a_time;
    if (room && mine.claim() > 0) {
      mine.poll = mine.settings.shortest_poll;
      continue;
    }
    const auto until = steady_now() + (room ? mine.poll : mine.settings.patience / 3);
    const auto waited = mine.inbox.take(until);
    for (auto* const each : mine.to) each->give_back_rows_claimed_before(steady_now() - mine.settings.patience);
    mine.nudged = false;
    const bool woken = std::ranges::find(waited, nudge::wake) != waited.end();
    mine.poll = woken ? mine.settings.shortest_poll : std::min(mine.poll * 2, mine.settings.longest_poll);
  }
}

std::size_t delayed_pump::state::claim() {
  const masked_section masked;
  const auto asked = steady_now();
  auto due = from.claim_due(settings.most_at_a_time - running, settings.lease);
  claimed += due.size();
  for (auto& each : due) hand_over(std::move(each), asked);
  return due.size();
}

void delayed_pump::state::hand_over(store::due_message due, steady_time asked) {
  const auto runner = std::ranges::find_if(to, [&](const auto* each) { return each->handles(due.row.subscription); });
  if (runner == to.end()) return bury(due.row);
  ++running;
  const bool accepted = (*runner)->accept(std::move(due.row), asked, [self = shared_from_this()] {
    --self->running;
    self->inbox.post(nudge::row_done);
  });
  if (accepted) return;
  --running;
  detail::give_row_back(from, due.row, {}, start_counting::uncounted);  // stopping: for whoever goes on
}

/// Nobody handles it any more (renamed without an alias, or removed): people decide.
void delayed_pump::state::bury(const delayed_message& row) {
  ++orphans;
  log.error("{message_id} waits for the handler {handler}, which does not exist: to the error store", row.message.id, row.subscription);
  const auto now = wall_now();
  from.commit({.inbox = {},
               .errors = {{.id = uuid::v7().to_compact_string(),
                           .key = {row.subscription.substr(0, row.subscription.find('#')), row.message.id},
                           .message = row.message,
                           .error_code = "no_handler",
                           .error_reason = "no handler of this name exists in the application; a renamed handler needs an alias",
                           .attempts = row.attempts,
                           .first_failed_at = row.first_failed_at == wall_time{} ? now : row.first_failed_at,
                           .failed_at = now}},
               .finished_delayed = {row.id}});
}

}  // namespace mamey::inline v1
