#include <mamey/persistence/queue_poller.hpp>

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace mamey::inline v1 {
namespace {

constexpr auto shortest_interval = std::chrono::milliseconds(10);
constexpr auto longest_silence = std::chrono::milliseconds(1'000);

}  // namespace

void queue_poller::set(std::function<void()> wake) {
  const std::scoped_lock lock(wake_mutex_);
  wake_ = std::move(wake);
  if (!wake_ || thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  pthread_setname_np(thread_.native_handle(), "mamey-queues");
}

void queue_poller::notify() {
  const std::scoped_lock lock(wake_mutex_);
  if (wake_) wake_();
}

void queue_poller::notify_after(std::chrono::milliseconds delay) {
  const auto when = clock::now() + delay;
  const std::scoped_lock lock(mutex_);
  if (next_due_ && *next_due_ <= when) return;
  next_due_ = when;
  changed_.notify_all();
}

void queue_poller::loop(const std::stop_token& stop) {
  std::chrono::milliseconds interval = shortest_interval;
  auto last_call = clock::now();
  while (!stop.stop_requested()) {
    const bool due = sleep(stop, clock::now() + interval);
    const bool changed = has_changed();
    interval = changed ? shortest_interval : std::min(interval * 2, longest_interval_);
    if (!due && !changed && clock::now() - last_call < longest_silence) continue;
    last_call = clock::now();
    try {
      notify();
    } catch (const std::bad_alloc&) {  // consumers poll all the same, and the next notification comes within a second
    }
  }
}

/// True when a delay ran out meanwhile.
bool queue_poller::sleep(const std::stop_token& stop, clock::time_point until) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto wake_at = next_due_ ? std::min(*next_due_, until) : until;
    if (clock::now() >= wake_at || stop.stop_requested()) break;
    changed_.wait_until(lock, stop, wake_at, [&] { return next_due_ && *next_due_ < wake_at; });
  }
  if (!next_due_ || *next_due_ > clock::now()) return false;
  next_due_.reset();
  return true;
}

bool queue_poller::has_changed() {
  try {
    const auto version = look_();
    const auto seen = std::exchange(seen_version_, version);
    return seen && version && *seen != *version;
  } catch (const std::exception&) {  // the callers that are woken once per second meet the same error, and report it
    return false;
  }
}

}  // namespace mamey::inline v1
