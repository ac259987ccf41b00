#include <mamey/persistence/sqlite/detail/session.hpp>

#include <mamey/core/error.hpp>
#include <mamey/persistence/sqlite/detail/transaction.hpp>

namespace mamey::inline v1::sqlite_detail {

void session::send(const std::shared_ptr<job>& work, after then) {
  {
    const std::scoped_lock lock(mutex_);
    if (over_ != over::no) refuse(over_);
    steps_.push_back({work, then});
    changed_.notify_one();
  }
  await(*work, answer_bound_);
}

void session::close(over why) noexcept {
  const std::scoped_lock lock(mutex_);
  if (over_ == over::no) over_ = why;
  changed_.notify_one();
}

void session::refuse(over why) const {
  switch (why) {
    case over::expired:
      throw deadline_exceeded("transaction_expired", "the transaction was open for more than {bound} ms and has been rolled back",
                              std::chrono::duration_cast<std::chrono::milliseconds>(bound_).count());
    case over::stopped:
      throw unavailable("store_closed", "the store closes; the transaction has been rolled back");
    case over::lost:
      throw unavailable("transaction_lost", "an earlier failure of the disk has rolled the transaction back");
    default:
      throw internal_error("transaction_over", "the transaction has ended");
  }
}

bool session::next(step& found, std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return over_ != over::no || !steps_.empty(); });
  if (over_ == over::no && steps_.empty()) over_ = over::expired;
  if (over_ != over::no) return false;
  found = std::move(steps_.front());
  steps_.pop_front();
  return true;
}

void session::serve(connection& on, const std::function<void(written_rows)>& wake) {
  const auto until = std::chrono::steady_clock::now() + bound_;
  const auto expired = [until] { return std::chrono::steady_clock::now() >= until; };
  on.limit(expired);
  step current;
  while (next(current, until)) {
    if (current.work->move(job::phase::queued, job::phase::applying)) perform(current, on);
    if (expired()) close(over::expired);
    if (on.autocommit()) {
      const bool by_commit = current.then == after::commit;
      close(by_commit ? over::ended : over::lost);
      if (by_commit && !current.work->failure) wake(current.work->committed());
    }
    current.work->finish();
  }
  on.limit({});
  roll_back_if_open(on);
  answer_rest();
}

void session::perform(step& current, connection& on) {
  try {
    current.work->apply(on);
    if (current.then == after::stay_open) return;
    on.limit({});  // COMMIT is never cut short
    current.work->state = job::phase::sealed;
    commit_transaction(on);
  } catch (...) {
    current.work->failure = std::current_exception();
    if (current.then == after::commit) roll_back_if_open(on);
  }
}

void session::answer_rest() {
  const std::scoped_lock lock(mutex_);
  for (auto& each : steps_) {
    if (!each.work->move(job::phase::queued, job::phase::applying)) continue;
    try {
      refuse(over_);
    } catch (const error&) {
      each.work->failure = std::current_exception();
    }
    each.work->finish();
  }
  steps_.clear();
}

}  // namespace mamey::inline v1::sqlite_detail
