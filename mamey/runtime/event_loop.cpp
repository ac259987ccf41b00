#include <mamey/runtime/event_loop.hpp>
#include <mamey/runtime/input_watch.hpp>

#include <utility>

#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/loop_state.hpp>

namespace mamey::inline v1 {

event_loop::event_loop(std::unique_ptr<state> internals) : state_(std::move(internals)) {
  state_->self = this;
  set_clock(&mamey::wall_now);
}
event_loop::~event_loop() = default;

event_loop* event_loop::current() noexcept { return detail::here.loop != nullptr ? detail::here.loop->self : nullptr; }

void event_loop::post(std::function<void()> callback) { state_->post(std::move(callback)); }
void event_loop::start_fiber(std::string_view name, std::function<void()> body) {
  state_->start(name, std::move(body), ambient_context(current_context()));
}
void event_loop::start_fiber(std::string_view name, std::function<void()> body, ambient_context context) {
  state_->start(name, std::move(body), std::move(context));
}

steady_time event_loop::now() const noexcept { return state_->now(); }
wall_time event_loop::wall_now() const noexcept { return state_->wall_now(); }

void event_loop::watch(int descriptor, watcher& target) { state_->watch(descriptor, target); }
void event_loop::unwatch(int descriptor) noexcept { state_->unwatch(descriptor); }
void watch_input(event_loop& on, int descriptor, event_loop::watcher& target) { on.internals().watch_input(descriptor, target); }
void event_loop::call_readable_again(int descriptor) { state_->call_readable_again(descriptor); }

std::uint64_t event_loop::add_timer(steady_time when, std::function<void()> callback) {
  return state_->add_timer(when, std::move(callback));
}
bool event_loop::cancel_timer(std::uint64_t id) noexcept { return state_->cancel_timer(id); }

event_loop::statistics event_loop::read_statistics() noexcept {
  return {.fibers_alive = state_->alive.load(std::memory_order_relaxed),
          .fibers_started = state_->started.load(std::memory_order_relaxed),
          .worst_lag = state_->take_worst_lag(),
          .stalls = state_->stalls()};
}

std::uint64_t event_loop::stalls() const noexcept { return state_->stalls(); }

std::uint64_t event_loop::fibers_alive() const noexcept { return state_->alive.load(std::memory_order_relaxed); }

steady_time steady_now() noexcept { return detail::here.loop != nullptr ? detail::here.loop->now() : std::chrono::steady_clock::now(); }
steady_time round_time() noexcept { return detail::here.loop != nullptr ? detail::here.loop->last_now : std::chrono::steady_clock::now(); }

wall_time wall_now() noexcept {
  if (detail::here.loop != nullptr) return detail::here.loop->wall_now();
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace mamey::inline v1
