#include <mamey/runtime/detail/loop_state.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace mamey::inline v1 {
namespace {

/// For a counter that one thread writes and any reads.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t change) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

constexpr std::uint64_t minus_one = ~std::uint64_t{0};

}  // namespace

void event_loop::state::post(std::function<void()> callback) {
  if (is_current()) {
    callbacks.push(std::move(callback));
    return;
  }
  bool asleep;
  {
    const std::lock_guard lock(posted_guard_);
    posted_callbacks_.push_back(std::move(callback));
    others_posted_.store(true, std::memory_order_release);
    asleep = needs_interruption();
  }
  if (asleep) interrupt();
}

void event_loop::state::make_ready(detail::fiber& woken) noexcept {
  if (is_current()) {
    ready.push(&woken);
    return;
  }
  bool asleep;
  {
    const std::lock_guard lock(posted_guard_);
    posted_ready_.push_back(&woken);
    others_posted_.store(true, std::memory_order_release);
    asleep = needs_interruption();
  }
  if (asleep) interrupt();
}

void event_loop::state::take_what_others_posted() {
  if (!others_posted_.load(std::memory_order_acquire)) return;
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(posted_guard_);
    try {
      callbacks.reserve(callbacks.size() + posted_callbacks_.size());
    } catch (const std::bad_alloc&) {  // in the next round
      return;
    }
    others_posted_.store(false, std::memory_order_relaxed);
    for (auto* woken : posted_ready_) ready.push(woken);
    posted_ready_.clear();
    posted.swap(posted_callbacks_);
  }
  for (auto& callback : posted) callbacks.push(std::move(callback));
}

bool event_loop::state::needs_interruption() noexcept {
  if (!std::exchange(sleeping_, false)) return false;
  interrupting_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void event_loop::state::interrupt() noexcept {
  interrupt_sleep();
  interrupting_.fetch_sub(1, std::memory_order_release);  // the last touch: what was posted may already have ended the loop
}

bool event_loop::state::may_sleep() {
  const std::lock_guard lock(posted_guard_);
  sleeping_ = posted_ready_.empty() && posted_callbacks_.empty();
  return sleeping_;
}

void event_loop::state::woke_up() noexcept {
  const std::lock_guard lock(posted_guard_);
  sleeping_ = false;
}

void event_loop::state::start(std::string_view name, std::function<void()>&& body, ambient_context&& context) {
  if (!is_current()) {
    post([this, name = std::string(name), body = std::move(body), context = std::move(context)]() mutable {
      start(name, std::move(body), std::move(context));
    });
    return;
  }
  reserve_for(alive.load(std::memory_order_relaxed) + 1);
  if (detail::stack* memory = waiting_starts_.empty() ? stacks.take() : nullptr) {
    launch(*memory, name, std::move(body), std::move(context));
  } else {
    waiting_starts_.push_back({std::string(name), std::move(body), std::move(context)});
  }
  add(alive, 1);
  add(started, 1);
  launch_waiting();
}

/// Without memory, the start of a fiber throws. A fiber that waits, and the code that wakes it, need no memory afterwards.
void event_loop::state::reserve_for(std::size_t fibers) {
  if (fibers <= reserved_) return;
  const auto wanted = std::max<std::size_t>({fibers, 2 * reserved_, 64});
  ready.reserve(wanted);
  timers.reserve(wanted + callback_timers_.size());
  {
    const std::lock_guard lock(posted_guard_);
    posted_ready_.reserve(wanted);
  }
  reserved_ = wanted;
}

void event_loop::state::launch_waiting() {
  while (!waiting_starts_.empty()) {
    detail::stack* const memory = stacks.take();
    if (memory == nullptr) return drop_cancelled_starts();
    auto next = std::move(waiting_starts_.front());
    waiting_starts_.pop_front();
    launch(*memory, next.name, std::move(next.body), std::move(next.context));
  }
}

/// Their owners wait for them, perhaps at the end of a process that gets no stack any more. They learn of it by the destruction of the body.
void event_loop::state::drop_cancelled_starts() noexcept {
  const auto cancelled = [](const waiting_start& each) { return each.context.cancel != nullptr && each.context.cancel->requested(); };
  add(alive, ~std::uint64_t{std::erase_if(waiting_starts_, cancelled)} + 1);
}

void event_loop::state::launch(detail::stack& memory, std::string_view name, std::function<void()>&& body, ambient_context&& context) {
  auto& made = detail::make_fiber(*this, memory, name, std::move(body), std::move(context));
  made.killed = kills_newcomers;
  made.next = first_fiber;
  if (first_fiber != nullptr) first_fiber->previous = &made;
  first_fiber = &made;
  ready.push(&made);
}

void event_loop::state::run(detail::fiber& target) {
  working.begin(&target);
  detail::resume(target);
  if (target.finished) retire(target);
}

void event_loop::state::retire(detail::fiber& gone) {
  (gone.previous != nullptr ? gone.previous->next : first_fiber) = gone.next;
  if (gone.next != nullptr) gone.next->previous = gone.previous;
  auto& memory = gone.memory;
  {
    const std::lock_guard lock(working.inspection);
    working.fiber.store(nullptr, std::memory_order_relaxed);
  }
  gone.~fiber();
  add(alive, minus_one);
  stacks.give(&memory, last_now);
  launch_waiting();
  if (alive.load(std::memory_order_relaxed) == 0) became_empty();
}

void event_loop::state::run_next_callback() {
  const auto callback = callbacks.pop();
  working.begin(nullptr);
  callback();
}

std::uint64_t event_loop::state::add_timer(steady_time when, std::function<void()> callback) {
  if (free_timers_.empty()) {
    timers.reserve(reserved_ + callback_timers_.size() + 1);
    if (free_timers_.capacity() <= callback_timers_.size())
      free_timers_.reserve(2 * callback_timers_.size() + 16);  // freeing one allocates nothing
    callback_timers_.emplace_back();
    callback_timers_.back().id = callback_timers_.size() - 1;
    free_timers_.push_back(static_cast<std::uint32_t>(callback_timers_.size() - 1));
  }
  auto& timer = callback_timers_[free_timers_.back()];
  free_timers_.pop_back();
  timer.owner = this;
  timer.id += std::uint64_t{1} << 32;  // the lower half is its place, the upper tells its uses apart; never 0
  timer.callback = std::move(callback);
  timers.add(timer, when);
  return timer.id;
}

bool event_loop::state::cancel_timer(std::uint64_t id) noexcept {
  const auto place = static_cast<std::uint32_t>(id);
  if (place >= callback_timers_.size()) return false;
  auto& timer = callback_timers_[place];
  if (timer.id != id || !timer.armed()) return false;
  timers.remove(timer);
  free_timer(timer);
  return true;
}

void event_loop::state::free_timer(callback_timer& used) noexcept {
  const auto dropped = std::exchange(used.callback, nullptr);
  free_timers_.push_back(static_cast<std::uint32_t>(used.id));
}

void event_loop::state::callback_timer::expired() {
  const auto due = std::exchange(callback, nullptr);
  owner->free_timer(*this);
  due();
}

void event_loop::state::drop_callbacks_and_timers() noexcept {
  for (auto& timer : callback_timers_) {
    if (timer.armed()) cancel_timer(timer.id);
  }
  take_what_others_posted();
  while (!callbacks.empty()) callbacks.pop();
  add(alive, ~std::uint64_t{waiting_starts_.size()} + 1);
  waiting_starts_.clear();
}

std::string event_loop::state::names_of_fibers() const {
  std::string names;
  for (const auto* one = first_fiber; one != nullptr; one = one->next)
    names += (names.empty() ? "'" : ", '") + std::string(one->name) + "'";
  return names;
}

}  // namespace mamey::inline v1
