#include <mamey/runtime/detail/watchdog.hpp>

#include <pthread.h>

#include <algorithm>
#include <utility>

#include <mamey/observability/log.hpp>
#include <mamey/runtime/detail/epoll_loop.hpp>

namespace mamey::inline v1::detail {
namespace {

using namespace std::chrono_literals;

const logger log{"mamey.runtime"};

double seconds_of(std::chrono::nanoseconds span) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(span).count()) / 1000;
}

}  // namespace

stall_watch::finding stall_watch::look(steady_time now, const glance& seen, bool missed) noexcept {
  const bool moved = seen.round == 0 || seen.round != last_.round || seen.turns != last_.turns;
  if (moved || !since_ || missed) {
    const finding found = moved && told_ ? finding{word::turns_again, now - *since_} : finding{};
    if (moved || !told_) {
      since_ = now;
      next_ = after_;
      told_ = false;
    }
    last_ = seen;
    return found;
  }
  const auto span = now - *since_;
  if (span < next_) return {};
  const auto what = std::exchange(told_, true) ? word::still_stalls : word::stalls;
  next_ = span < 10s   ? std::max<std::chrono::nanoseconds>(10s, after_ * 2)
          : span < 60s ? 60s
                       : span + 60s;  // a few lines for a loop that never turns again
  return {what, span};
}

watchdog::watchdog(const std::vector<epoll_loop*>& loops, std::chrono::nanoseconds after)
    : interval_(std::clamp<std::chrono::nanoseconds>(after / 4, 10ms, 1s)) {
  for (std::size_t i = 0; i < loops.size(); ++i)
    loops_.push_back(
        {.loop = loops[i], .name = i + 1 < loops.size() ? std::to_string(i) : "system", .watch = stall_watch(after), .cpu_before = {}});
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "mamey-watchdog");
}

watchdog::~watchdog() {
  {
    const std::lock_guard lock(guard_);
    ending_ = true;
  }
  ending_changed_.notify_one();
  thread_.join();
}

void watchdog::run() {
  std::unique_lock lock(guard_);
  auto last = std::chrono::steady_clock::now();
  while (!ending_changed_.wait_for(lock, interval_, [this] { return ending_; })) {
    const auto now = std::chrono::steady_clock::now();
    const bool missed = now - last > 4 * interval_;
    for (auto& each : loops_) look_at(each, now, missed);
    last = now;
  }
}

void watchdog::look_at(watched& one, steady_time now, bool missed) {
  const auto seen = one.loop->glance();
  const auto found = one.watch.look(now, seen, missed);
  using word = stall_watch::word;
  if (one.watch.begins_at(now)) one.cpu_before = one.loop->cpu_time();
  if (found.what == word::nothing) return;
  if (found.what == word::turns_again) {
    log.warning("loop {loop} turns again, after at least {seconds} s", one.name, seconds_of(found.span));
    return;
  }
  if (found.what == word::stalls) one.loop->count_stall();
  const auto running = one.loop->what_runs();
  // Waiting costs nothing, so the thread's own clock tells the two apart.
  const bool computes = one.loop->cpu_time() - one.cpu_before > found.span / 2;
  log.warning("loop {loop} has not turned for {seconds} s, and all its fibers wait: {running} {how}", one.name, seconds_of(found.span),
              running,
              computes ? "computes; put it into run_blocking"
                       : "blocks the thread; put the call into run_blocking, wait with sleep_for, and lock a mamey::mutex where a "
                         "std::mutex would be held across a wait");
}

}  // namespace mamey::inline v1::detail
