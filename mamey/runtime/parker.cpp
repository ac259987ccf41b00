#include <mamey/runtime/detail/parker.hpp>

#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>

#include <mamey/core/error.hpp>
#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/suspension_checks.hpp>

namespace mamey::inline v1::detail {

thread_local constinit running_here here;

namespace {

/// A plain thread waits on its own condition variable, which outlives every wait.
struct thread_strand final : strand {
  thread_strand() { context = &own_context; }
  ambient_context own_context;
  std::mutex guard;
  std::condition_variable changed;
};

constexpr unsigned most_refusals = 10'000;

/// A killed fiber that waits again and again would keep the simulation from ending.
void count_refusal(fiber& self) {
  if (++self.refusals > most_refusals)
    fatal("fiber '" + std::string(self.name) + "' does not end though it is killed at each suspension point");
}

steady_time clock_of(const strand& current) noexcept {
  return current.self != nullptr ? current.self->loop.now() : std::chrono::steady_clock::now();
}

}  // namespace

strand& bind_thread_strand() {
  // On the heap and bound by a pointer, so that destructors of other thread-locals may still ask for their context.
  struct owner {
    thread_strand* owned = nullptr;
    ~owner() {
      if (here.current == owned) here.current = nullptr;
      delete owned;
    }
  };
  thread_local owner of_this_thread;
  auto* made = new thread_strand;
  if (of_this_thread.owned == nullptr) of_this_thread.owned = made;
  here.current = made;
  return *made;
}

void fatal(std::string_view sentence) noexcept {
  std::string line = "mamey: " + std::string(sentence) + "\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());  // aborting anyway
  std::abort();
}

bool may_throw(const strand& current) noexcept { return !current.ending && std::uncaught_exceptions() == 0; }

void raise(wake_reason reason) {
  if (reason == wake_reason::woken || reason == wake_reason::timed_out || !may_throw(current_strand())) return;
  if (reason == wake_reason::killed) throw fiber_killed{};
  if (reason == wake_reason::cancelled) throw cancelled("cancelled", "the work was cancelled");
  throw deadline_exceeded("deadline_exceeded", "the deadline passed before the work was done");
}

void check_interruption() {
  strand& current = current_strand();
  assert_may_suspend(current);
  const bool killed = current.self != nullptr && current.self->killed;
  const auto& context = *current.context;
  if ((!killed && !context.cancel && !context.deadline) || !may_throw(current)) return;
  if (killed) {
    count_refusal(*current.self);
    raise(wake_reason::killed);
  }
  if (current.masked && clock_of(current) < current.masked_until) return;
  if (context.cancel && context.cancel->requested()) raise(wake_reason::cancelled);
  if (context.deadline && clock_of(current) >= *context.deadline) raise(wake_reason::deadline);
}

void give_way() {
  fiber& self = *current_strand().self;
  self.loop.make_ready(self);
  suspend(self);
}

parker::plan parker::make_plan(std::optional<steady_time> until, interruption mode) {
  plan made{.wake_at = until};
  const auto& context = *strand_.context;
  if (mode == interruption::allowed && (context.deadline || context.cancel) && may_throw(strand_)) {
    if (strand_.masked && clock_of(strand_) < strand_.masked_until) {
      made.only_look_again = !until || strand_.masked_until < *until;
      if (made.only_look_again) made.wake_at = strand_.masked_until;
    } else {
      if (context.cancel && context.cancel->requested()) return {.at_once = wake_reason::cancelled};
      made.heed_cancellation = context.cancel != nullptr;
      if (context.deadline && (!until || *context.deadline <= *until)) {
        made.wake_at = context.deadline;
        made.then = wake_reason::deadline;
      }
    }
  }
  if (made.wake_at && !made.only_look_again && clock_of(strand_) >= *made.wake_at) made.at_once = made.then;
  return made;
}

wake_reason parker::wait(std::optional<steady_time> until, interruption mode) {
  assert_may_suspend(strand_);
  refuses_kill_ = mode == interruption::refused;
  if (strand_.self != nullptr && strand_.self->killed && mode != interruption::refused) {
    count_refusal(*strand_.self);
    if (!may_throw(strand_)) give_way();  // destructors of other killed fibers may do what this one waits for
    end(wake_reason::killed);
  }
  while (state_.load(std::memory_order_acquire) < ended) {
    const auto how = make_plan(until, mode);
    if (how.at_once) {
      end(*how.at_once);
    } else {
      park(how);
    }
  }
  return static_cast<wake_reason>(state_.load(std::memory_order_relaxed) - ended);
}

void parker::park(const plan& how) {
  cancellation* const cancel = how.heed_cancellation ? strand_.context->cancel.get() : nullptr;
  if (cancel != nullptr && !cancel->add(listener_)) {
    end(wake_reason::cancelled);
    return;
  }
  strand_.self != nullptr ? park_fiber(how) : park_thread(how);
  if (cancel != nullptr) cancel->remove(listener_);
}

void parker::park_fiber(const plan& how) {
  fiber& self = *strand_.self;
  if (how.wake_at) {
    timer_reason_ = how.then;
    timer_looks_again_ = how.only_look_again;
    self.loop.timers.add(deadline_timer_, *how.wake_at);
  }
  std::uint8_t expected = running;
  if (state_.compare_exchange_strong(expected, parked, std::memory_order_acq_rel)) {
    self.waiting = this;
    suspend(self);
    self.waiting = nullptr;
  }
  self.loop.timers.remove(deadline_timer_);
}

void parker::park_thread(const plan& how) {
  if (here.loop != nullptr) fatal("a callback on an event loop reached a suspension point and would have to wait: only fibers may");
  auto& self = static_cast<thread_strand&>(strand_);
  std::unique_lock lock(self.guard);
  while (state_.load(std::memory_order_relaxed) < ended) {
    if (!how.wake_at) {
      self.changed.wait(lock);
    } else if (self.changed.wait_until(lock, *how.wake_at) == std::cv_status::timeout && state_.load(std::memory_order_relaxed) < ended) {
      if (!how.only_look_again)
        state_.store(static_cast<std::uint8_t>(ended + static_cast<std::uint8_t>(how.then)), std::memory_order_relaxed);
      return;
    }
  }
}

bool parker::end(wake_reason reason) noexcept {
  fiber* const self = strand_.self;
  if (self == nullptr) return end_thread(reason);
  const auto wanted = static_cast<std::uint8_t>(ended + static_cast<std::uint8_t>(reason));
  auto seen = state_.load(std::memory_order_acquire);
  do {
    if (seen >= ended) return false;
  } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel, std::memory_order_acquire));
  // Not parked: the fiber sees the end without help and may be gone already. Parked: it sleeps until this makes it ready.
  if (seen == parked) self->loop.make_ready(*self);
  return true;
}

bool parker::end_thread(wake_reason reason) noexcept {
  auto& waiter_thread = static_cast<thread_strand&>(strand_);
  const std::lock_guard lock(waiter_thread.guard);
  if (state_.load(std::memory_order_relaxed) >= ended) return false;
  state_.store(static_cast<std::uint8_t>(ended + static_cast<std::uint8_t>(reason)), std::memory_order_release);
  waiter_thread.changed.notify_one();
  return true;
}

void parker::time_is_up() noexcept {
  if (!timer_looks_again_) {
    end(timer_reason_);
    return;
  }
  std::uint8_t expected = parked;
  if (state_.compare_exchange_strong(expected, running, std::memory_order_acq_rel)) strand_.self->loop.make_ready(*strand_.self);
}

void parker::kill() noexcept {
  if (!refuses_kill_) end(wake_reason::killed);
}

}  // namespace mamey::inline v1::detail
