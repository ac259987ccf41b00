#include <mamey/persistence/postgres/detail/pool.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};
constexpr std::chrono::milliseconds shortest_back_off{20};

/// One more caller that waits, for the statistics.
class counted {
 public:
  explicit counted(std::atomic<int>& count) : count_(count) { ++count_; }
  ~counted() { --count_; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace

struct pool::member {
  member(session_handle opened, connection::surroundings around) : session(std::move(opened), std::move(around)) {}
  connection session;
  int load = 0;  ///< under the pool's guard
  bool discarded = false;
};

exchange_ptr make_exchange(std::vector<step> steps) {
  auto made = std::make_shared<exchange>();
  made->steps = std::move(steps);
  return made;
}

pool::lease::~lease() {
  if (pool_ != nullptr) pool_->give_back(member_);
}
connection& pool::lease::operator*() const noexcept { return member_->session; }
void pool::lease::discard() noexcept {
  const std::lock_guard lock(pool_->guard_);
  member_->discarded = true;
}

pool::pool(pool_settings settings)
    : settings_(std::move(settings)), turns_(static_cast<std::size_t>(settings_.connections) * static_cast<std::size_t>(settings_.share)) {}

pool::lease pool::acquire() {
  check_context();
  const auto until = deadline_after(settings_.acquire_timeout);
  if (!turns_.try_acquire()) {
    const counted waits(waiting_);
    if (waiting_ > settings_.waiting_limit) {
      throw unavailable("pool_full", "more than {limit} callers wait for a {kind} connection to the database", settings_.waiting_limit,
                        settings_.kind);
    }
    if (!turns_.try_acquire_until(until)) {
      throw unavailable("pool_exhausted", "no {kind} connection to the database came free within {bound} ms: all {count} are in use",
                        settings_.kind, std::chrono::duration_cast<std::chrono::milliseconds>(settings_.acquire_timeout).count(),
                        settings_.connections);
    }
  }
  try {
    return {*this, take(until)};
  } catch (...) {  // rethrown: the turn is somebody else's
    turns_.release();
    throw;
  }
}

/// The least used connection. Opening another one is better than sharing one that is in use.
std::shared_ptr<pool::member> pool::take_idle_or_least(bool may_open) {
  for (;;) {
    std::shared_ptr<member> best;
    for (const auto& each : members_) {
      if (each->discarded || each->load >= settings_.share || each->session.retired()) continue;
      if (!best || each->load < best->load) best = each;
    }
    const bool another = may_open && members_.size() < static_cast<std::size_t>(settings_.connections);
    if (!best || (best->load > 0 && another)) return nullptr;
    if (best->load == 0 && !best->session.looks_alive()) {
      std::erase(members_, best);
      ++lost_;
      continue;
    }
    ++best->load;
    return best;
  }
}

bool pool::has_live_member() const {
  return std::ranges::any_of(members_, [](const auto& each) { return !each->discarded && !each->session.retired(); });
}

/// Under the lock.
void pool::tell_seekers(std::size_t most) noexcept {
  const auto told = std::min(most, seekers_);
  seekers_ -= told;
  if (told > 0) room_.release(told);
}

/// Until a connection came free, was opened, or was lost; or `until`. May return sooner.
void pool::wait_for_room(std::unique_lock<std::mutex>& lock, steady_time until) {
  ++seekers_;
  lock.unlock();
  const auto leave = [&] {
    lock.lock();
    if (room_.try_acquire())
      tell_seekers(1);  // what came for this one is somebody else's
    else
      --seekers_;
  };
  try {
    const counted waits(waiting_);
    if (room_.try_acquire_until(until))
      lock.lock();
    else
      leave();
  } catch (...) {  // rethrown
    leave();
    throw;
  }
}

std::shared_ptr<pool::member> pool::take(steady_time until) {
  for (;;) {
    std::unique_lock lock(guard_);
    if (auto found = take_idle_or_least(true)) return found;
    const bool backs_off = steady_now() < not_before_;
    if (backs_off) {  // a busy connection is better than none
      if (auto found = take_idle_or_least(false)) return found;
    }
    if (!opening_ && !backs_off) {
      // One opens at a time: a server that comes back is not stormed, and who waited for the opening may share what came of it.
      opening_ = true;
      lock.unlock();
      if (auto made = try_to_open()) return made;
      continue;
    }
    if (!opening_ && !has_live_member()) throw unavailable(last_code_, "{cause}", last_failure_);
    if (steady_now() >= until) {
      throw unavailable("pool_exhausted",
                        "no {kind} connection to the database came free within {bound} ms: {open} of {count} are open{why}", settings_.kind,
                        std::chrono::duration_cast<std::chrono::milliseconds>(settings_.acquire_timeout).count(), members_.size(),
                        settings_.connections, failures_ > 0 ? ", and no further one can be: " + last_failure_ : "");
    }
    wait_for_room(lock, opening_ ? until : std::min(until, not_before_));
  }
}

std::shared_ptr<pool::member> pool::connect(steady_time until) const {
  auto made = std::make_shared<member>(
      open_session(settings_.target, until),
      connection::surroundings{.stopper = settings_.stopper,
                               .era = settings_.era,
                               .writes = settings_.writes,
                               .youth = settings_.longest_back_off,
                               // A transaction cannot start over when it meets a plan that is out of date.
                               .most_prepared = settings_.share > 1 ? connection::surroundings{}.most_prepared : 0});
  const auto greeting = make_exchange(settings_.greeting);
  try {
    const deadline_scope bound(until);
    made->session.run(greeting);
  } catch (const deadline_exceeded&) {
    if (steady_now() < until) throw;  // the caller's own
    throw unavailable("database_unreachable", "{target} accepts connections and does not answer", settings_.target.description());
  }
  greeting->throw_if_failed();
  made->session.is_served_by(static_cast<int>(greeting->result(0).integer(0, 0)));
  made->load = 1;
  return made;
}

/// Null when the server lets in no further one, but some are open.
std::shared_ptr<pool::member> pool::try_to_open() {
  struct over {
    pool& of;
    ~over() {
      const std::lock_guard lock(of.guard_);
      of.opening_ = false;
      of.tell_seekers(of.seekers_);
    }
  } const telling{*this};
  try {
    auto made = connect(deadline_after(settings_.connect_timeout));
    ++opened_;
    const std::lock_guard lock(guard_);
    if (failures_ > 0) log.info("{kind} connections to {server} can be made again", settings_.kind, settings_.target.description());
    failures_ = 0;
    members_.push_back(made);
    return made;
  } catch (const error& failure) {
    if (failure.kind() == error_kind::cancelled || failure.kind() == error_kind::deadline_exceeded) throw;  // not the server's doing
    ++refused_;
    const std::lock_guard lock(guard_);
    last_failure_ = failure.reason();
    last_code_ = failure.code();
    const bool some_are_open = has_live_member();
    if (failures_ == 0) {
      log.warning("no {further}{kind} connection to the database: {cause}", some_are_open ? "further " : "", settings_.kind, last_failure_);
    }
    const auto pause = shortest_back_off * (1 << std::min(failures_++, 12));
    not_before_ = steady_now() + std::min<std::chrono::nanoseconds>(pause, settings_.longest_back_off);
    if (failure.kind() == error_kind::unavailable && some_are_open) return nullptr;
    throw;
  }
}

void pool::give_back(const std::shared_ptr<member>& used) noexcept {
  std::shared_ptr<member> closes;  // outside the lock
  {
    const std::lock_guard lock(guard_);
    --used->load;
    if (used->load == 0 && (used->discarded || used->session.retired())) {
      std::erase(members_, used);
      ++lost_;
      closes = used;
    }
    tell_seekers(closes ? seekers_ : 1);
  }
  turns_.release();
}

pool::lease pool::run(const exchange_ptr& work, const std::function<void(connection&)>& how) {
  static constexpr int most_broken = 3;
  // Each connection may be out of date, and is retired when it is met; the one behind them is fresh.
  const int most_tries = std::max(most_broken, settings_.connections + 2);
  for (int tries = 1;; ++tries) {
    auto leased = acquire();
    if (how)
      how(*leased);
    else
      leased->run(work);
    const bool unsent = work->end == exchange::ending::unsent && tries < most_broken;
    const bool out_of_date =
        work->failed && (is_stale_statement(work->error) || is_read_only(work->error)) && leased->retired() && tries < most_tries;
    if (!unsent && !out_of_date) return leased;
    work->start_over();
  }
}

void pool::run_again_if_lost(const exchange_ptr& work) {
  for (int tries = 1; tries < 3; ++tries) {
    run(work);
    const bool was_hit_by_anothers_cancel = work->failed && work->error.state == "57014" && tries == 1;
    if (work->end == exchange::ending::answered && !was_hit_by_anothers_cancel && !(work->failed && work->error.is_fatal())) return;
    work->start_over();
  }
  run(work);
}

void pool::add_to(postgres_statistics& all) const {
  all.opened += opened_;
  all.lost += lost_;
  all.refused += refused_;
  all.waiting += waiting_;
  const std::lock_guard lock(guard_);
  all.open += static_cast<int>(members_.size());
}

}  // namespace mamey::inline v1::postgres_detail
