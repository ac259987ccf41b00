#pragma once

/// @file
/// For features and services.
/// Policies that decide when to retry and when to stop calls: pure state, with the time as parameter. Guard an object with a lock when
/// loops share it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <mamey/http/method.hpp>

namespace mamey::inline v1::http {

using time_point = std::chrono::steady_clock::time_point;

/// A budget that first tries fill and retries spend, so that retries cannot multiply the load on a failing service.
class retry_budget {
 public:
  /// Each try earns `share` of a retry. At most `most` are saved; this is also the amount at the start.
  explicit retry_budget(double share = 0.2, double most = 10) noexcept : share_(share), most_(most), saved_(most) {}
  void earn() noexcept { saved_ = saved_ + share_ < most_ ? saved_ + share_ : most_; }
  bool spend() noexcept { return saved_ >= 1 ? (saved_ -= 1, true) : false; }

 private:
  double share_, most_, saved_;
};

struct breaker_options {
  int failures = 5;                           ///< number of failures in a row that open it; 0: it never opens
  std::chrono::milliseconds open_for{5'000};  ///< then one probe is let through
};

/// Stops calls to a failing service, and lets a probe through after each `open_for`. closed → (failures in a row) → open → (time) →
/// half-open → closed or open again.
class circuit_breaker {
 public:
  enum class state : std::uint8_t { closed, open, half_open };

  explicit circuit_breaker(const breaker_options& options = {}) noexcept : options_(options) {}
  /// Whether a call may be made now. In half-open only one at a time is.
  bool allow(time_point now) noexcept;
  void succeeded() noexcept;
  void failed(time_point now) noexcept;
  /// The call neither succeeded nor failed: for example, the caller's own deadline ended it.
  void abandoned() noexcept { probing_ = false; }
  state current(time_point now) const noexcept;

 private:
  breaker_options options_;
  int failures_ = 0;
  bool open_ = false;
  bool probing_ = false;
  time_point opened_{};
};

/// The usual answer time of a service. It decides whether a try that the caller's own deadline ended counts as a failure: a short deadline
/// alone says nothing about the service.
class answer_times {
 public:
  void answered(std::chrono::nanoseconds span) noexcept {
    usual_ = usual_ == std::chrono::nanoseconds(0) ? span : usual_ + (span - usual_) / 8;
  }
  /// Whether the service is too slow after this time without an answer: at least 100 ms, and four times the usual time.
  bool is_overdue(std::chrono::nanoseconds waited) const noexcept {
    return waited >= std::max<std::chrono::nanoseconds>(std::chrono::milliseconds(100), usual_ * 4);
  }

 private:
  std::chrono::nanoseconds usual_{0};  ///< smoothed
};

/// The outcome of a try.
struct attempt_outcome {
  enum class kind : std::uint8_t {
    answered,   ///< `status` came
    not_sent,   ///< no byte of the request was sent: no connection
    stale,      ///< a pooled connection was closed before any byte of an answer
    broken,     ///< the connection broke after sending: the other side may have handled the request
    timed_out,  ///< no answer in time
  };
  kind how = kind::answered;
  int status = 0;
  std::optional<std::chrono::seconds> retry_after = {};
  bool callers_time_over = false;        ///< no answer came, and the deadline of the whole call or of its caller ended the try
  std::chrono::nanoseconds waited = {};  ///< for the connection and the answer; not for a place in the pool
};

struct retry_options {
  int retries = 2;                                 ///< further tries after the first
  std::chrono::milliseconds first_delay{50};       ///< doubled each time; each wait is random between half of it and all of it
  std::chrono::milliseconds longest_delay{2'000};  ///< also for Retry-After: a server that asks for more gets no retry
};

/// The wait before the next try; empty: no further try. `tries`: the number of tries with this one. `random` in [0, 1). A retry is proposed
/// only where it is safe: nothing of the request was sent, or its method is idempotent.
std::optional<std::chrono::milliseconds> next_try(const retry_options& options, http_method method, int tries,
                                                  const attempt_outcome& outcome, double random) noexcept;

}  // namespace mamey::inline v1::http
