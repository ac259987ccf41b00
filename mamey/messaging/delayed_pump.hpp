#pragma once

/// @file
/// For the framework.
/// Hands due delayed rows (retries, scheduled commands, error-store retries) of one store to the subscriptions they belong to.

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <mamey/messaging/delayed_store.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

class subscription_runner;

struct delayed_pump_settings {
  std::size_t most_of_one = 32;  ///< maximum number of claimed, unfinished rows of one subscription
  /// Must exceed `patience` plus the time of a handler with its immediate retries, because a claim is not renewed.
  std::chrono::milliseconds lease{120'000};
  std::chrono::milliseconds patience{15'000};         ///< a row that has not begun after this time goes back without a counted start
  std::chrono::milliseconds rollout_window{600'000};  ///< how long a row without a handler here waits for an instance that has the handler
  std::chrono::milliseconds rollout_delay{5'000};     ///< time between two checks
  // Between two claims, while rows are due and none is handed out.
  std::chrono::milliseconds shortest_poll{50};
  std::chrono::milliseconds longest_poll{500};
  /// Between two looks for rows that other processes wrote. The pump knows of rows that were written here, and when the next row is due.
  std::chrono::milliseconds longest_sleep{15'000};
};

struct delayed_pump_statistics {
  std::uint64_t claimed = 0;
  std::uint64_t orphans = 0;  ///< rows whose handler no longer exists: moved to the error store
  std::uint64_t left = 0;     ///< rows put back for an instance that has their handler
  std::size_t running = 0;
};

class delayed_pump {
 public:
  /// Takes rows from `rows`; commits to `units`, of the same store. All outlive the pump.
  delayed_pump(delayed_store& rows, unit_store& units, std::vector<subscription_runner*> to, delayed_pump_settings settings = {});
  ~delayed_pump();
  delayed_pump(const delayed_pump&) = delete;
  delayed_pump& operator=(const delayed_pump&) = delete;

  /// The loop, for a supervised fiber of the system loop; returns after `stop`.
  void run();
  void wake() noexcept;  ///< a commit of this process wrote delayed rows; any thread, never suspends
  void stop() noexcept;  ///< no more claims; rows that were handed over continue. Any thread, never suspends
  delayed_pump_statistics statistics() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
