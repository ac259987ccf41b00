#include <mamey/runtime/shutdown.hpp>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/detail/fiber_core.hpp>

namespace mamey::inline v1 {

struct shutdown_plan::state {
  struct step {
    shutdown_stage stage;
    std::string name;
    std::function<void()> run;
  };

  /// The first step not run yet in the order of stages; none when all have run. Steps may be added meanwhile.
  std::optional<step> take_next() {
    const std::lock_guard lock(guard);
    const auto next = std::ranges::min_element(steps, {}, &step::stage);
    if (next == steps.end()) return std::nullopt;
    std::optional<step> taken(std::move(*next));
    steps.erase(next);
    return taken;
  }

  std::mutex guard;
  std::vector<step> steps;
};

shutdown_plan::shutdown_plan() : state_(std::make_unique<state>()) {}
shutdown_plan::~shutdown_plan() = default;

void shutdown_plan::add(shutdown_stage stage, std::string_view name, std::function<void()> step) {
  const std::lock_guard lock(state_->guard);
  state_->steps.push_back({stage, std::string(name), std::move(step)});
}

void shutdown_plan::run(const std::function<void(std::string_view step, const std::string& error)>& report) {
  while (const auto next = state_->take_next()) {
    std::string error;
    try {
      next->run();
    } catch (const detail::fiber_killed&) {
      throw;
    } catch (...) {
      error = describe_current_exception().detail;  // reported below; the next step must run
    }
    if (report) report(next->name, error);
  }
}

}  // namespace mamey::inline v1
