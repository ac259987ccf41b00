#pragma once

/// @file
/// Hands due delayed rows (retries, scheduled commands, error-store retries) of one store to the subscriptions they belong to.

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <mamey/messaging/store.hpp>

namespace mamey::inline v1 {

class subscription_runner;

struct delayed_pump_settings {
  std::size_t most_of_one = 32;              ///< of one subscription's: claimed and not yet done
  /// Longer than `patience` and a handler with its immediate retries take: a claim is not renewed.
  std::chrono::milliseconds lease{120'000};
  std::chrono::milliseconds patience{15'000};  ///< a row that has not had its turn by then goes back uncounted
  std::chrono::milliseconds rollout_window{600'000};  ///< how long a row nobody here handles waits for an instance that does
  std::chrono::milliseconds rollout_delay{5'000};     ///< between its looks
  std::chrono::milliseconds shortest_poll{50};
  std::chrono::milliseconds longest_poll{500};
};

struct delayed_pump_statistics {
  std::uint64_t claimed = 0;
  std::uint64_t orphans = 0;  ///< whose handler is gone: to the error store
  std::uint64_t left = 0;     ///< put back for an instance that has their handler
  std::size_t running = 0;
};

class delayed_pump {
 public:
  /// All outlive the pump.
  delayed_pump(store& from, std::vector<subscription_runner*> to, delayed_pump_settings settings = {});
  ~delayed_pump();
  delayed_pump(const delayed_pump&) = delete;
  delayed_pump& operator=(const delayed_pump&) = delete;

  /// The loop, for a supervised fiber of the system loop; returns after `stop`.
  void run();
  void wake() noexcept;  ///< a commit of this process wrote delayed rows; any thread, never suspends
  void stop() noexcept;  ///< claims no more; those handed over run on. Any thread, never suspends
  delayed_pump_statistics statistics() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
