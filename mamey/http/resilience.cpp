#include <mamey/http/resilience.hpp>

#include <algorithm>

namespace mamey::inline v1::http {
namespace {

bool is_safe(http_method method, const attempt_outcome& outcome) noexcept {
  using kind = attempt_outcome::kind;
  switch (outcome.how) {
    case kind::not_sent:
      return true;
    case kind::answered:
      return is_idempotent(method) && (outcome.status == 502 || outcome.status == 503 || outcome.status == 504);
    case kind::stale:
    case kind::broken:
    case kind::timed_out:
      return is_idempotent(method);
  }
  return false;
}

}  // namespace

bool circuit_breaker::allow(time_point now) noexcept {
  switch (current(now)) {
    case state::closed:
      return true;
    case state::open:
      return false;
    case state::half_open:
      break;
  }
  if (probing_) return false;
  probing_ = true;
  return true;
}

void circuit_breaker::succeeded() noexcept {
  failures_ = 0;
  open_ = probing_ = false;
}

void circuit_breaker::failed(time_point now) noexcept {
  if (options_.failures == 0) return;
  if (probing_ || (!open_ && ++failures_ >= options_.failures)) {
    open_ = true;
    opened_ = now;
  }
  probing_ = false;
}

circuit_breaker::state circuit_breaker::current(time_point now) const noexcept {
  if (!open_) return state::closed;
  return now - opened_ >= options_.open_for ? state::half_open : state::open;
}

std::optional<std::chrono::milliseconds> next_try(const retry_options& options, http_method method, int tries,
                                                  const attempt_outcome& outcome, double random) noexcept {
  if (tries > options.retries || !is_safe(method, outcome)) return std::nullopt;
  // The pooled connection had been closed while it lay idle: the service itself may be well, so there is nothing to wait for.
  if (outcome.how == attempt_outcome::kind::stale) return std::chrono::milliseconds(0);
  if (outcome.retry_after) {
    if (*outcome.retry_after > options.longest_delay) return std::nullopt;
    return *outcome.retry_after;
  }
  const auto doubled = options.first_delay * (std::int64_t{1} << std::min(tries - 1, 20));
  const auto whole = std::min<std::chrono::milliseconds>(doubled, options.longest_delay);
  return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * (0.5 + random / 2)));
}

}  // namespace mamey::inline v1::http
