#pragma once

/// @file
/// Simulated time and seeded chance: what happens when is decided here and nowhere else.

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace mamey::simulation {

using span = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// SplitMix64: small, and the same everywhere.
class chance {
 public:
  explicit chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  double share() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool hits(double probability) { return share() < probability; }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  span between(span low, span high) { return low + span(static_cast<std::int64_t>(share() * static_cast<double>((high - low).count()))); }

 private:
  std::uint64_t state_;
};

class scheduler {
 public:
  explicit scheduler(std::uint64_t seed) : random(seed) {}

  chance random;

  span now() const { return now_; }
  void after(span delay, std::function<void()> what) { events_.push({now_ + delay, next_++, std::move(what)}); }
  /// Runs the next event; false when there is none.
  bool step() {
    if (events_.empty()) return false;
    auto what = std::move(const_cast<event&>(events_.top()).what);
    now_ = events_.top().at;
    events_.pop();
    what();
    return true;
  }

 private:
  struct event {
    span at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const event& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };
  std::priority_queue<event> events_;
  span now_{1h};
  std::uint64_t next_ = 0;
};

}  // namespace mamey::simulation
