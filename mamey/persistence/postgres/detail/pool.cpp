#include <mamey/persistence/postgres/detail/pool.hpp>

#include <algorithm>

#include <mamey/core/error.hpp>
#include <mamey/observability/log.hpp>
#include <mamey/runtime/context.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

const logger log{"mamey.postgres"};
constexpr std::chrono::milliseconds shortest_back_off{20};

}  // namespace

struct pool::member {
  member(session_handle opened, std::shared_ptr<const statement_stopper> stopper) : session(std::move(opened), std::move(stopper)) {}
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
  if (!turns_.try_acquire()) {
    if (waiting_.fetch_add(1) >= settings_.waiting_limit) {
      --waiting_;
      throw unavailable("pool_full", "more than {limit} callers wait for a {kind} connection to the database", settings_.waiting_limit,
                        settings_.kind);
    }
    struct leave {
      std::atomic<int>& count;
      ~leave() { --count; }
    } const leaving{waiting_};
    if (!turns_.try_acquire_until(deadline_after(settings_.acquire_timeout))) {
      throw unavailable("pool_exhausted", "no {kind} connection to the database came free within {bound} ms: all {count} are in use",
                        settings_.kind, std::chrono::duration_cast<std::chrono::milliseconds>(settings_.acquire_timeout).count(),
                        settings_.connections);
    }
  }
  try {
    return {*this, take()};
  } catch (...) {  // rethrown: the turn is somebody else's
    turns_.release();
    throw;
  }
}

/// The least used connection. Opening another one is better than sharing one that is in use.
std::shared_ptr<pool::member> pool::take_idle_or_least(bool may_open) {
  const std::lock_guard lock(guard_);
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

std::shared_ptr<pool::member> pool::take() {
  if (auto found = take_idle_or_least(true)) return found;
  // One opens at a time: a server that comes back is not stormed, and who waited for the opening may share what came of it.
  const std::unique_lock one(opening_);
  if (auto found = take_idle_or_least(true)) return found;
  try {
    return open();
  } catch (const error& failure) {
    // A busy connection is better than none.
    if (failure.kind() == error_kind::unavailable) {
      if (auto found = take_idle_or_least(false)) return found;
    }
    throw;
  }
}

std::shared_ptr<pool::member> pool::connect(steady_time until) const {
  auto made = std::make_shared<member>(open_session(settings_.target, until), settings_.stopper);
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

std::shared_ptr<pool::member> pool::open() {
  if (steady_now() < not_before_) throw unavailable(last_code_, "{cause}", last_failure_);
  try {
    auto made = connect(deadline_after(settings_.connect_timeout));
    if (failures_ > 0) log.info("{kind} connections to {server} can be made again", settings_.kind, settings_.target.description());
    failures_ = 0;
    ++opened_;
    const std::lock_guard lock(guard_);
    members_.push_back(made);
    return made;
  } catch (const error& failure) {
    if (failure.kind() == error_kind::cancelled || failure.kind() == error_kind::deadline_exceeded) throw;  // not the server's doing
    ++refused_;
    last_failure_ = failure.reason();
    last_code_ = failure.code();
    if (failures_ == 0) log.warning("no {kind} connection to the database: {cause}", settings_.kind, last_failure_);
    const auto pause = shortest_back_off * (1 << std::min(failures_++, 12));
    not_before_ = steady_now() + std::min<std::chrono::nanoseconds>(pause, settings_.longest_back_off);
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
  }
  turns_.release();
}

bool pool::run_once(const exchange_ptr& work) {
  const auto leased = acquire();
  leased->run(work);
  return work->end == exchange::ending::answered;
}

namespace {

bool is_to_be_run_again(const exchange& work) { return work.failed && is_stale_statement(work.error); }

}  // namespace

void pool::run(const exchange_ptr& work) {
  for (int tries = 1; tries < 3; ++tries) {
    run_once(work);
    if (work->end != exchange::ending::unsent && !is_to_be_run_again(*work)) return;
    work->start_over();
  }
  run_once(work);
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
