#include <mamey/runtime/supervisor.hpp>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/fiber_core.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/wait_list.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1 {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds first_pause = 100ms;
constexpr std::chrono::nanoseconds longest_pause = 30s;
constexpr std::chrono::nanoseconds healthy_after = 60s;
constexpr std::chrono::nanoseconds longest_end = 30s;

/// Between half of the pause and all of it, so that what failed together does not return together.
std::chrono::nanoseconds jittered(std::chrono::nanoseconds pause, std::uint64_t random) {
  const auto half = pause / 2;
  return half + std::chrono::nanoseconds(random % static_cast<std::uint64_t>(half.count()));
}

}  // namespace

struct supervisor::state {
  struct task {
    supervised_status status;
    std::shared_ptr<cancellation> cancel = std::make_shared<cancellation>();
    bool ended = false;
  };

  state(event_loop& its_loop, std::function<void(const supervised_status&)> its_report) : loop(its_loop), report(std::move(its_report)) {}

  void run(task& mine, const std::function<void()>& body);
  bool run_once(task& mine, const std::function<void()>& body);
  void note_failure(task& mine, std::string what);
  void note_end(task& mine);
  void join();

  event_loop& loop;
  const std::function<void(const supervised_status&)> report;
  mutable std::mutex guard;
  detail::wait_list changed;
  std::vector<std::shared_ptr<task>> tasks;
};

namespace {

/// Tells the supervisor that a task is over, however its fiber ended.
class end_of_task {
 public:
  explicit end_of_task(std::function<void()> tell) : tell_(std::move(tell)) {}
  ~end_of_task() { tell_(); }
  end_of_task(const end_of_task&) = delete;
  end_of_task& operator=(const end_of_task&) = delete;

 private:
  std::function<void()> tell_;
};

}  // namespace

void supervisor::state::note_failure(task& mine, std::string what) {
  supervised_status seen;
  {
    const std::lock_guard lock(guard);
    mine.status.state = supervised_status::state_type::backing_off;
    mine.status.last_error = std::move(what);
    ++mine.status.restarts;
    seen = mine.status;
  }
  if (report) report(seen);
}

void supervisor::state::note_end(task& mine) {
  const std::lock_guard lock(guard);
  mine.status.state = supervised_status::state_type::stopped;
  mine.ended = true;
  changed.wake_all();
}

/// True when the body has ended and is not started again.
bool supervisor::state::run_once(task& mine, const std::function<void()>& body) {
  try {
    body();
    return true;
  } catch (const detail::fiber_killed&) {
    throw;
  } catch (...) {
    if (mine.cancel->requested()) return true;  // it was asked to end: its exception does not count
    try {
      note_failure(mine, describe_current_exception().detail);
    } catch (const std::bad_alloc&) {  // it begins again all the same
      const std::lock_guard lock(guard);
      mine.status.state = supervised_status::state_type::backing_off;
    }
    return false;
  }
}

void supervisor::state::run(task& mine, const std::function<void()>& body) {
  auto pause = first_pause;
  for (;;) {
    const auto began = steady_now();
    if (run_once(mine, body)) return;
    if (steady_now() - began >= healthy_after) pause = first_pause;
    try {
      sleep_for(jittered(pause, loop.internals().random()));
    } catch (const cancelled&) {
      return;
    }
    pause = std::min(pause * 2, longest_pause);
    const std::lock_guard lock(guard);
    mine.status.state = supervised_status::state_type::running;
  }
}

supervisor::supervisor(event_loop& loop, std::function<void(const supervised_status&)> report)
    : state_(std::make_shared<state>(loop, std::move(report))) {}

/// What the tasks use may go away afterwards. Allocates nothing: it is the way out when memory has failed.
void supervisor::state::join() {
  std::unique_lock lock(guard);
  for (const auto& one : tasks) one->cancel->request();
  if (!in_fiber()) return;
  const auto until = deadline_after(longest_end);
  for (const auto& one : tasks) {
    while (!one->ended) {
      if (changed.wait(lock, until, detail::interruption::refused) == detail::wake_reason::timed_out && !one->ended)
        detail::fatal("the background loop '" + one->status.name + "' has not ended, although it was cancelled 30 s ago");
    }
  }
}

supervisor::~supervisor() { state_->join(); }

void supervisor::start(std::string_view name, std::function<void()> body) {
  auto added = std::make_shared<state::task>();
  added->status.name = std::string(name);
  // Not the starter's deadline, cancellation or user: the loop outlives the work that started it.
  ambient_context context;
  context.service = current_context().service;
  context.cancel = added->cancel;
  // Before it is listed: one whose fiber could not be started has ended.
  auto over = std::make_shared<end_of_task>([shared = state_, added] { shared->note_end(*added); });
  {
    const std::lock_guard lock(state_->guard);
    state_->tasks.push_back(added);
  }
  state_->loop.start_fiber(
      name, [shared = state_, added, over = std::move(over), body = std::move(body)] { shared->run(*added, body); }, std::move(context));
}

bool supervisor::stop(std::chrono::nanoseconds grace) {
  const auto until = deadline_after(grace);
  std::unique_lock lock(state_->guard);
  const auto tasks = state_->tasks;
  bool all_ended = true;
  for (auto one = tasks.rbegin(); one != tasks.rend(); ++one) {
    auto& task = **one;
    lock.unlock();
    task.cancel->request();
    lock.lock();
    while (!task.ended) {
      // Masked: stopping is what an interrupted caller does too.
      const auto reason = state_->changed.wait(lock, until, detail::interruption::withheld);
      if (reason == detail::wake_reason::killed) {
        lock.unlock();
        detail::raise(reason);
        return false;
      }
      if (reason == detail::wake_reason::timed_out) break;
    }
    all_ended = all_ended && task.ended;
  }
  return all_ended;
}

std::vector<supervised_status> supervisor::status() const {
  const std::lock_guard lock(state_->guard);
  std::vector<supervised_status> all;
  for (const auto& one : state_->tasks) all.push_back(one->status);
  return all;
}

}  // namespace mamey::inline v1
