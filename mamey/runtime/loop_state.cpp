#include <mamey/runtime/detail/loop_state.hpp>

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
  add(alive, 1);
  add(started, 1);
  if (detail::stack* memory = waiting_starts_.empty() ? stacks.take() : nullptr) {
    launch(*memory, name, std::move(body), std::move(context));
  } else {
    waiting_starts_.push_back({std::string(name), std::move(body), std::move(context)});
  }
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
  detail::resume(target);
  if (target.finished) retire(target);
}

void event_loop::state::retire(detail::fiber& gone) {
  (gone.previous != nullptr ? gone.previous->next : first_fiber) = gone.next;
  if (gone.next != nullptr) gone.next->previous = gone.previous;
  auto& memory = gone.memory;
  gone.~fiber();
  add(alive, minus_one);
  if (waiting_starts_.empty()) {
    stacks.give(&memory, last_now);
    if (alive.load(std::memory_order_relaxed) == 0) became_empty();
    return;
  }
  auto next = std::move(waiting_starts_.front());
  waiting_starts_.pop_front();
  launch(memory, next.name, std::move(next.body), std::move(next.context));
}

void event_loop::state::run_next_callback() {
  const auto callback = callbacks.pop();
  callback();
}

std::uint64_t event_loop::state::add_timer(steady_time when, std::function<void()> callback) {
  if (free_timers_.empty()) {
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
  waiting_starts_.clear();
}

std::string event_loop::state::names_of_fibers() const {
  std::string names;
  for (const auto* one = first_fiber; one != nullptr; one = one->next)
    names += (names.empty() ? "'" : ", '") + std::string(one->name) + "'";
  return names;
}

}  // namespace mamey::inline v1
