#pragma once

/// @file
/// When to try again and when not to ask at all: pure state, time passed in. Guard them with a lock when loops share one.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <mamey/http/method.hpp>

namespace mamey::inline v1::http {

using time_point = std::chrono::steady_clock::time_point;

/// Pays for retries out of what first tries earn, so that retries cannot multiply the load on a service that is going down.
class retry_budget {
 public:
  /// Each try earns `share` of a retry; at most `most` are saved up, which is also what one starts with.
  explicit retry_budget(double share = 0.2, double most = 10) noexcept : share_(share), most_(most), saved_(most) {}
  void earn() noexcept { saved_ = saved_ + share_ < most_ ? saved_ + share_ : most_; }
  bool spend() noexcept { return saved_ >= 1 ? (saved_ -= 1, true) : false; }

 private:
  double share_, most_, saved_;
};

struct breaker_options {
  int failures = 5;                           ///< in a row that open it; 0: never opens
  std::chrono::milliseconds open_for{5'000};  ///< then one probe is let through
};

/// Stops asking a service that fails, and probes it now and then. closed → (failures in a row) → open → (time) → half-open → closed or open
/// again.
class circuit_breaker {
 public:
  enum class state : std::uint8_t { closed, open, half_open };

  explicit circuit_breaker(const breaker_options& options = {}) noexcept : options_(options) {}
  /// Whether a call may be made now. In half-open only one at a time is.
  bool allow(time_point now) noexcept;
  void succeeded() noexcept;
  void failed(time_point now) noexcept;
  /// The call was neither: refused by the caller's own deadline, say.
  void abandoned() noexcept { probing_ = false; }
  state current(time_point now) const noexcept;

 private:
  breaker_options options_;
  int failures_ = 0;
  bool open_ = false;
  bool probing_ = false;
  time_point opened_{};
};

/// How a try ended.
struct attempt_outcome {
  enum class kind : std::uint8_t {
    answered,   ///< `status` came
    not_sent,   ///< no byte of the request left: no connection
    stale,      ///< a pooled connection turned out closed before any byte of an answer
    broken,     ///< it broke on the way: the other side may have worked
    timed_out,  ///< no answer in time
  };
  kind how = kind::answered;
  int status = 0;
  std::optional<std::chrono::seconds> retry_after = {};
};

struct retry_options {
  int retries = 2;                                 ///< further tries after the first
  std::chrono::milliseconds first_delay{50};       ///< doubled each time, each drawn between half and the whole
  std::chrono::milliseconds longest_delay{2'000};  ///< also for Retry-After: a server that asks for more gets no retry
};

/// How long to wait before the next try; nothing: the outcome stands. `tries`: those made, including this one. `random` in [0, 1).
/// Safe only where repeating is: a request of which nothing was sent, or one whose method is idempotent.
std::optional<std::chrono::milliseconds> next_try(const retry_options& options, http_method method, int tries,
                                                  const attempt_outcome& outcome, double random) noexcept;

}  // namespace mamey::inline v1::http
