#include <mamey/runtime/fiber.hpp>

#include <algorithm>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/detail/loop_state.hpp>
#include <mamey/runtime/detail/parker.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1 {

void sleep_for(std::chrono::nanoseconds span) { sleep_until(deadline_after(span)); }

void sleep_until(steady_time when) {
  detail::check_interruption();
  report_wait("sleep_for");
  detail::parker sleeper;
  detail::raise(sleeper.wait(when));
}

void yield() {
  detail::check_interruption();
  in_fiber() ? detail::give_way() : std::this_thread::yield();
  detail::check_interruption();
}

bool in_fiber() noexcept { return detail::here.current != nullptr && detail::here.current->self != nullptr; }

std::size_t fiber_capacity_left() noexcept {
  return detail::here.loop != nullptr ? detail::here.loop->fiber_capacity_left() : std::numeric_limits<std::size_t>::max();
}

masked_section::masked_section(std::chrono::nanoseconds grace) {
  auto& current = detail::current_strand();
  previous_ = current.masked;
  previous_limit_ = current.masked_until;
  const auto limit = deadline_after(grace);
  current.masked_until = previous_ ? std::max(previous_limit_, limit) : limit;
  current.masked = true;
}

masked_section::~masked_section() {
  auto& current = detail::current_strand();
  current.masked = previous_;
  current.masked_until = previous_limit_;
}

activity::activity(std::string_view what) noexcept {
  static_assert(sizeof previous_ == detail::fiber::activity_size);
  previous_[0] = '\0';
  if (!in_fiber()) return;
  std::ranges::copy(detail::here.current->self->activity, previous_);
  show(what);
}

activity::~activity() {
  if (in_fiber()) show(previous_);
}

void activity::show(std::string_view what) noexcept {
  auto& self = *detail::here.current->self;
  const auto length = std::min(what.size(), detail::fiber::activity_size - 1);
  const std::lock_guard lock(self.loop.working.inspection);
  std::copy_n(what.data(), length, self.activity);
  self.activity[length] = '\0';
}

void detail::run_blocking(function_view call) {
  if (in_fiber()) {
    here.loop->run_blocking(call);
  } else {
    call();
  }
}

}  // namespace mamey::inline v1
