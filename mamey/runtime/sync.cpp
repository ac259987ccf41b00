#include <mamey/runtime/sync.hpp>

#include <system_error>

#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1 {

using detail::interruption;
using detail::wake_reason;

/// The lock passes from the one who unlocks to the one who has waited longest: nobody overtakes.
struct mutex::state {
  std::mutex guard;
  detail::wait_list waiting;
  detail::strand* owner = nullptr;

  /// Returns when the calling strand owns the lock, or throws; `killed` only while unwinding one that is.
  void lock(interruption mode) {
    auto& self = detail::current_strand();
    std::unique_lock guarded(guard);
    if (owner == nullptr) {
      owner = &self;
      return;
    }
    if (owner == &self)
      throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur), "mamey::mutex locked twice");
    for (;;) {
      const auto reason = waiting.wait(guarded, {}, mode);
      if (reason == wake_reason::woken) return;  // handed over
      guarded.unlock();
      detail::raise(reason);
      guarded.lock();
      if (owner == nullptr) {
        owner = &self;
        return;
      }
    }
  }
};

mutex::mutex() : state_(std::make_unique<state>()) {}
mutex::~mutex() = default;

void mutex::lock() {
  detail::check_interruption();
  if (try_lock()) return;
  report_wait("a mutex");
  state_->lock(interruption::allowed);
}

bool mutex::try_lock() {
  const std::lock_guard guarded(state_->guard);
  if (state_->owner != nullptr) return false;
  state_->owner = &detail::current_strand();
  return true;
}

void mutex::unlock() {
  const std::lock_guard guarded(state_->guard);
  state_->owner = state_->waiting.wake_one();
}

struct condition::state {
  std::mutex guard;
  detail::wait_list waiting;
};

condition::condition() : state_(std::make_unique<state>()) {}
condition::~condition() = default;

void condition::wait(std::unique_lock<mutex>& lock) { wait_until(lock, steady_time::max()); }

bool condition::wait_until(std::unique_lock<mutex>& lock, steady_time until) {
  detail::check_interruption();
  report_wait("a condition");
  std::unique_lock guarded(state_->guard);
  lock.unlock();  // a notifier takes `guarded` first: no wake-up is lost
  const auto limit = until == steady_time::max() ? std::nullopt : std::optional(until);
  const auto reason = state_->waiting.wait(guarded, limit, interruption::allowed);
  guarded.unlock();
  if (reason == wake_reason::killed) detail::raise(reason);  // without the lock: nobody who holds it will run again
  lock.mutex()->state_->lock(interruption::withheld);
  lock = std::unique_lock(*lock.mutex(), std::adopt_lock);
  detail::raise(reason);
  return reason != wake_reason::timed_out;
}

void condition::notify_one() {
  const std::lock_guard guarded(state_->guard);
  state_->waiting.wake_one();
}

void condition::notify_all() {
  const std::lock_guard guarded(state_->guard);
  state_->waiting.wake_all();
}

struct semaphore::state {
  std::mutex guard;
  detail::wait_list waiting;
  std::size_t permits;

  bool acquire(std::optional<steady_time> until) {
    detail::check_interruption();
    std::unique_lock guarded(guard);
    while (permits == 0) {
      const auto reason = waiting.wait(guarded, until, interruption::allowed);
      if (reason == wake_reason::woken) return true;  // the permit was handed over
      if (reason == wake_reason::timed_out) return false;
      guarded.unlock();
      detail::raise(reason);
      guarded.lock();
    }
    --permits;
    return true;
  }
};

semaphore::semaphore(std::size_t permits) : state_(std::make_unique<state>()) { state_->permits = permits; }
semaphore::~semaphore() = default;

void semaphore::acquire() {
  detail::check_interruption();
  if (try_acquire()) return;
  report_wait("a semaphore");
  state_->acquire({});
}

bool semaphore::try_acquire() {
  const std::lock_guard guarded(state_->guard);
  if (state_->permits == 0) return false;
  --state_->permits;
  return true;
}

bool semaphore::try_acquire_until(steady_time until) {
  detail::check_interruption();
  if (try_acquire()) return true;
  report_wait("a semaphore");
  return state_->acquire(until);
}

void semaphore::release(std::size_t permits) {
  const std::lock_guard guarded(state_->guard);
  for (; permits > 0 && state_->waiting.wake_one() != nullptr; --permits) {}
  state_->permits += permits;
}

}  // namespace mamey::inline v1
