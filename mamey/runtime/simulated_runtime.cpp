#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/detail/random.hpp>
#include <mamey/runtime/fiber.hpp>
#include <mamey/runtime/runtime.hpp>

namespace mamey::inline v1 {
namespace detail {
namespace {

// Fixed, so that what a test prints is the same each time: 2025-01-01T00:00:00Z, and a steady clock that is not near zero.
constexpr wall_time first_wall_time{std::chrono::seconds(1'735'689'600)};
constexpr steady_time first_steady_time{std::chrono::hours(1)};

class simulated_loop final : public event_loop::state {
 public:
  explicit simulated_loop(const simulation_options& options) : random_state_(options.seed), most_steps_(options.max_steps) {
    last_now = first_steady_time;
  }

  steady_time now() const noexcept override { return last_now; }
  wall_time wall_now() const noexcept override {
    return first_wall_time + wall_jump + std::chrono::duration_cast<std::chrono::microseconds>(last_now - first_steady_time);
  }
  std::uint64_t random() noexcept override { return next_random(random_state_); }

  void watch(int, event_loop::watcher&) override {
    throw std::system_error(std::make_error_code(std::errc::operation_not_supported), "a simulated runtime has no sockets");
  }
  void watch_input(int descriptor, event_loop::watcher& target) override { watch(descriptor, target); }
  void unwatch(int) noexcept override {}
  void call_readable_again(int) override {}

  void run_blocking(function_view call) override {
    yield();
    call();
    give_way();  // a crash here finds the work done and its caller ignorant of it
    if (here.current->self->killed) raise(wake_reason::killed);
  }

  std::size_t fiber_capacity_left() noexcept override { return stack_limit() - std::min<std::size_t>(stack_limit(), alive); }

  /// Runs one ready fiber, chosen at random, or the next callback.
  bool step() {
    take_what_others_posted();
    if (waits_for_stacks()) launch_waiting();
    const auto choices = ready.size() + (callbacks.empty() ? 0 : 1);
    if (choices == 0) return false;
    if (++steps - steps_before_ > most_steps_) {
      throw std::logic_error("the simulation ran " + std::to_string(most_steps_) + " steps without an end; fibers: " + names_of_fibers());
    }
    const auto choice = choices == 1 ? 0 : static_cast<std::size_t>(random() % choices);
    if (choice == ready.size()) {
      run_next_callback();
    } else {
      run_ready(choice);
    }
    return true;
  }

  /// What runs from now on is counted anew against the bound.
  void begin_schedule() noexcept { steps_before_ = steps; }

  void expire_timers_until(steady_time time) {
    last_now = std::max(last_now, time);
    timers.expire(last_now);
  }

  void crash() {
    kills_newcomers = true;
    for (auto* one = first_fiber; one != nullptr; one = one->next) kill(*one);
    take_what_others_posted();
    while (first_fiber != nullptr) {
      if (ready.empty()) fatal("these fibers do not end in a crash of the simulation: " + names_of_fibers());
      run_ready(0);
      take_what_others_posted();
    }
    drop_callbacks_and_timers();
    kills_newcomers = false;
  }

  std::uint64_t steps = 0;
  std::chrono::microseconds wall_jump{0};

 private:
  void run_ready(std::size_t choice) {
    std::swap(ready[choice], ready[0]);
    run(*ready.pop());
  }

  static void kill(fiber& victim) noexcept {
    victim.killed = true;
    if (victim.waiting != nullptr) victim.waiting->kill();
  }

  std::uint64_t random_state_;
  std::uint64_t most_steps_;
  std::uint64_t steps_before_ = 0;
};

}  // namespace
}  // namespace detail

struct simulated_runtime::state {
  explicit state(const simulation_options& options)
      : simulation(new detail::simulated_loop(options)), loop(std::unique_ptr<event_loop::state>(simulation)) {}

  /// Everything that happens at one time, then the next time at which something does.
  bool advance_to_next_event() {
    if (simulation->step()) return true;
    if (simulation->timers.empty()) return false;
    simulation->expire_timers_until(simulation->timers.next());
    return true;
  }

  void crash() {
    const detail::loop_binding bound(*simulation);
    simulation->crash();
  }

  detail::simulated_loop* simulation;
  event_loop loop;
};

simulated_runtime::simulated_runtime(const simulation_options& options) : state_(std::make_unique<state>(options)) {}
simulated_runtime::~simulated_runtime() { state_->crash(); }

event_loop& simulated_runtime::loop() noexcept { return state_->loop; }

void simulated_runtime::call(detail::function_view body) {
  if (event_loop::current() != nullptr) throw std::logic_error("mamey::simulated_runtime::run was called on a loop");
  bool done = false;
  std::exception_ptr failure;
  state_->loop.start_fiber("run", [&] {
    try {
      body();
    } catch (const detail::fiber_killed&) {
      throw;
    } catch (...) {
      failure = std::current_exception();
    }
    done = true;
  });
  state_->simulation->begin_schedule();
  try {
    const detail::loop_binding bound(*state_->simulation);
    while (!done) {
      if (state_->advance_to_next_event()) continue;
      throw std::logic_error("deadlock: every fiber waits for ever: " + state_->simulation->names_of_fibers());
    }
  } catch (...) {  // the fiber refers to this frame, so it must end before it goes
    state_->crash();
    throw;
  }
  if (failure) std::rethrow_exception(failure);
}

void simulated_runtime::advance(std::chrono::nanoseconds span) {
  const detail::loop_binding bound(*state_->simulation);
  auto& simulation = *state_->simulation;
  simulation.begin_schedule();
  const auto end = saturating_add(simulation.now(), span);
  for (;;) {
    while (simulation.step()) {}
    if (simulation.timers.empty() || simulation.timers.next() > end) break;
    simulation.expire_timers_until(simulation.timers.next());
  }
  simulation.expire_timers_until(end);
}

void simulated_runtime::jump_wall_clock(std::chrono::microseconds span) { state_->simulation->wall_jump += span; }

void simulated_runtime::crash() { state_->crash(); }

bool simulated_runtime::crashing() noexcept {
  const auto* current = detail::here.current;
  return current != nullptr && current->self != nullptr && current->self->killed;
}

bool simulated_runtime::step() {
  const detail::loop_binding bound(*state_->simulation);
  return state_->simulation->step();
}

std::uint64_t simulated_runtime::steps() const noexcept { return state_->simulation->steps; }

}  // namespace mamey::inline v1
