#pragma once

/// @file
/// For the framework.
/// The outbox relay: carries committed messages of one store to the transport. Drives relay_machine.hpp, which lists its invariants.

#include <cstdint>
#include <memory>
#include <string>

#include <mamey/messaging/options.hpp>
#include <mamey/messaging/outbox_store.hpp>
#include <mamey/messaging/relay_machine.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

struct relay_statistics {
  relay_counts counts;
  relay_state state = relay_state::idle;
  std::size_t in_hand = 0;    ///< claimed rows
  std::size_t in_flight = 0;  ///< of these, sent and unconfirmed
  std::string last_fault;     ///< the broker's last error text, for health; empty after the next confirm, or when no message waits
  /// For health: the first message that the transport did not take and that is tried again, and why; empty: none.
  std::string refused;
  std::string waiting;  ///< for health: a destination that the broker does not take at present, and why; empty: none
};

/// The machine's settings for a store and a transport; `owner` must be unique among relays of the store.
relay_settings relay_settings_of(const outbox_options& options, const transport_features& features, std::string owner);

class relay {
 public:
  /// References outlive the relay. `own` (the application's exchange) is declared before the first message.
  relay(outbox_store& from, transport& through, relay_settings settings, topology own = {});
  ~relay();  ///< `stop` has returned, or `run` was never called
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// The loop, for a supervised fiber of the system loop; returns after `stop`. When it throws, run again.
  void run();
  /// A commit of this process wrote outbox rows. Any thread, never suspends.
  void wake() noexcept;
  /// Stops claiming, awaits the confirms in flight for at most `grace`, marks, releases leases; returns when `run` has returned (or
  /// will do nothing more). May suspend.
  void stop(std::chrono::nanoseconds grace);

  /// Any thread.
  relay_statistics statistics() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
