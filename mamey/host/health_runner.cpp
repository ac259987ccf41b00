#include <mamey/host/detail/health_runner.hpp>

#include <algorithm>
#include <memory>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/sync.hpp>

namespace mamey::inline v1 {

void run_on_fibers(std::vector<health::task> tasks) {
  auto* loop = event_loop::current();
  if (!loop) {
    for (auto& each : tasks) each.run();
    return;
  }
  const auto ended = std::make_shared<semaphore>(0);
  auto longest = std::chrono::milliseconds(0);
  const auto count = tasks.size();
  for (auto& each : tasks) {
    longest = std::max(longest, each.timeout);
    loop->start_fiber("health " + each.name, [task = std::move(each), ended] {
      const deadline_scope bound(task.timeout);
      task.run();
      ended->release();
    });
  }
  const auto until = steady_now() + longest;
  for (std::size_t i = 0; i < count && ended->try_acquire_until(until); ++i) {}
}

}  // namespace mamey::inline v1
