#pragma once

/// @file
/// For the framework.
/// Runs one subscription: takes deliveries from the transport (and rows from the delayed pump), runs their handlers on the worker loops,
/// and settles them. Drives subscription_machine, throttle_machine and delivery_machine.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/handling.hpp>
#include <mamey/messaging/options.hpp>
#include <mamey/messaging/subscription_machine.hpp>
#include <mamey/messaging/throttle_machine.hpp>
#include <mamey/messaging/transport.hpp>
#include <mamey/messaging/versions.hpp>

namespace mamey::inline v1 {

class event_loop;
class store;

struct subscription_statistics {
  std::string name;
  subscription_state state = subscription_state::closed;
  throttle_state throttle = throttle_state::open;
  std::string last_trouble;  ///< why it is not consuming, for health
  std::size_t waiting = 0;   ///< delivered, not begun
  std::size_t running = 0;
  std::uint64_t attempts = 0;    ///< handler runs begun
  std::uint64_t handled = 0;     ///< of these, committed
  std::uint64_t duplicates = 0;  ///< stopped by the inbox
  std::uint64_t immediate_retries = 0;
  std::uint64_t delayed = 0;
  std::uint64_t too_new = 0;       ///< delayed for a newer reader
  std::uint64_t failed = 0;        ///< moved to the error store
  std::uint64_t parked_unrun = 0;  ///< of these, without another run, because of too many starts
  std::uint64_t given_back = 0;
  std::uint64_t busy = 0;  ///< put back because another instance was handling them
  std::uint64_t expired = 0;
  std::uint64_t without_id = 0;  ///< duplicates cannot be recognised
  std::uint64_t lost = 0;        ///< failed permanently in a module without a store
  std::uint64_t discarded = 0;   ///< settled after a failure, because a rule asks for it
  std::uint64_t reconnects = 0;
};

/// The parts that a runner works with; references and pointers outlive it.
struct subscription_surroundings {
  transport* through = nullptr;   ///< null: fed by delayed rows only
  store* module_store = nullptr;  ///< null: no inbox, no delayed retries, no error store
  const upcasters* lifts = nullptr;
  std::vector<event_loop*> workers;
  std::string service;  ///< of the ambient context
};

class subscription_runner {
 public:
  /// A subscription without a queue name is local: its handlers get only delayed rows (scheduled commands).
  subscription_runner(subscription what, subscription_surroundings around, const messaging_options& options);
  ~subscription_runner();  ///< `drain` has returned
  subscription_runner(const subscription_runner&) = delete;
  subscription_runner& operator=(const subscription_runner&) = delete;

  /// Before `run`: these have the same queue, this one among them. A message is handled by the one it is for, also when another gets it.
  void share_queue_with(const std::vector<subscription_runner*>& all);

  const subscription& description() const noexcept;
  /// The declarations that the transport needs before the first publisher sends.
  topology declarations() const;

  /// The supervising loop, for a supervised fiber of the system loop; returns after `drain`.
  void run();
  /// Takes no new deliveries; deliveries that have not begun go back without a counted start. May suspend.
  void cancel();
  /// After `cancel`: waits for running handlers, at most `grace`, then cancels them (their messages go back), settles and closes. May
  /// suspend.
  void drain(std::chrono::nanoseconds grace);

  /// Whether the handler (or an alias of it) is here. `row_subscription` is `delayed_message::subscription`.
  bool handles(const std::string& row_subscription) const;
  /// Runs a delayed row that was claimed after `claimed`. Calls `done` when nothing more will be done for this claim. Never suspends. After
  /// `cancel` it returns false, and the row still belongs to the caller.
  bool accept(delayed_message&& row, steady_time claimed, std::function<void()> done);
  /// See handler_pool. Never suspends.
  void give_back_rows_claimed_before(steady_time when);

  /// Whether a failure has paused it. Any thread.
  bool paused() const noexcept;
  /// Ends the pause of this one and of those that share its queue; false when it is not paused. Never suspends.
  bool resume();

  subscription_statistics statistics() const;  ///< any thread

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace mamey::inline v1
