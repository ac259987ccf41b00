#pragma once

/// @file
/// How handlers, on any thread, say what becomes of a delivery, and how the loop hears of it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1::rabbitmq_detail {

struct verdict {
  std::uint64_t delivery_tag = 0;
  bool done = false;  ///< acknowledged; else given back
  start_counting counting = start_counting::counted;
  std::chrono::milliseconds delay{};
};

/// Thread-safe.
class verdicts {
 public:
  /// Whether the loop must be woken: for earlier ones it has been.
  bool add(const verdict& how) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(how);
    return !std::exchange(told_, true);
  }
  std::vector<verdict> take() {
    const std::lock_guard lock(mutex_);
    told_ = false;
    return std::exchange(waiting_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<verdict> waiting_;
  bool told_ = false;
};

class verdict_taker {
 public:
  virtual ~verdict_taker() = default;
  /// Any thread.
  virtual void settle(const verdict& how) noexcept = 0;
};

/// Tells `to`, once, while it lives.
class amqp_settlement final : public settlement {
 public:
  amqp_settlement(std::weak_ptr<verdict_taker> to, std::uint64_t delivery_tag) : to_(std::move(to)), tag_(delivery_tag) {}
  ~amqp_settlement() override { give_back({}, start_counting::counted); }
  void acknowledge() noexcept override { settle({.delivery_tag = tag_, .done = true}); }
  void give_back(std::chrono::milliseconds delay, start_counting counting) noexcept override {
    settle({.delivery_tag = tag_, .counting = counting, .delay = delay});
  }

 private:
  void settle(const verdict& how) noexcept {
    if (std::exchange(settled_, true)) return;
    if (const auto to = to_.lock()) to->settle(how);
  }
  std::weak_ptr<verdict_taker> to_;
  std::uint64_t tag_;
  bool settled_ = false;
};

}  // namespace mamey::inline v1::rabbitmq_detail
