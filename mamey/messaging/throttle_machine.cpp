#include <mamey/messaging/throttle_machine.hpp>

#include <algorithm>

#include <mamey/core/invariants.hpp>

namespace mamey::inline v1 {

namespace {
constexpr std::chrono::milliseconds shortest_hold{100};
constexpr std::chrono::milliseconds longest_hold{5'000};
}  // namespace

void throttle_machine::on(throttle_event event, steady_time now) noexcept {
  const detail::invariants_after asserted(*this, "throttle_machine");
  switch (event) {
    case throttle_event::succeeded:
      failures_ = 0;
      hold_ = {};
      resume_at_ = steady_time::min();
      if (state_ == throttle_state::open) return;
      permitted_ = std::min(permitted_ * 2, full_);
      state_ = permitted_ == full_ ? throttle_state::open : throttle_state::recovering;
      return;
    case throttle_event::failed_permanent:
      return;  // the message's fault, not a dependency's
    case throttle_event::failed_transient:
      ++failures_;
      if (state_ == throttle_state::open && failures_ < after_) return;
      state_ = throttle_state::single;
      permitted_ = 1;
      hold(now);
      return;
    case throttle_event::store_down:
      state_ = throttle_state::single;
      permitted_ = 1;
      hold(now);
      return;
  }
}

std::string_view throttle_machine::check() const {
  if (permitted_ < 1 || permitted_ > full_) return "between one and all may run";
  if (state_ == throttle_state::open && permitted_ != full_) return "open: all may run";
  if (state_ == throttle_state::single && permitted_ != 1) return "single: one may run";
  if (state_ == throttle_state::recovering && (permitted_ == 1 || permitted_ == full_))
    return "recovering: more than one may run, and not all";
  if (state_ == throttle_state::open && failures_ >= std::max(after_, 1)) return "open: fewer transient failures in a row than the limit";
  if (hold_ > longest_hold) return "a pause has a limit";
  return {};
}

void throttle_machine::hold(steady_time now) noexcept {
  if (now < resume_at_) return;  // failures of one burst are one
  hold_ = hold_.count() == 0 ? shortest_hold : std::min(hold_ * 2, longest_hold);
  resume_at_ = now + hold_;
}

}  // namespace mamey::inline v1
