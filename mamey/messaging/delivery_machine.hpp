#pragma once

/// @file
/// One delivery at one handler as a pure state machine: count the start, look into the inbox, run, and end it: acknowledged only when the
/// outcome is durable.
///
/// Who has the message at any moment is never in doubt: until the handler's commit, a delayed row or an error record is durable, it is the
/// transport's (or the claimed delayed row's), which hands it out again after a crash.

#include <chrono>
#include <cstdint>
#include <span>

#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

/// What holds for every delivery of a subscription.
struct recoverability {
  int immediate_retries = 2;
  std::chrono::milliseconds immediate_delay{20};  ///< doubles with each immediate retry
  std::span<const std::chrono::milliseconds> delayed_retries;
  double jitter = 0.2;
  int start_limit = 5;
  std::chrono::milliseconds rollout_window{600'000};
  std::chrono::milliseconds rollout_delay{5'000};
  std::chrono::milliseconds store_down_delay{1'000};  ///< before a message given back for want of the store is handed out again
  std::chrono::milliseconds busy_delay{1'000};        ///< before a message somebody else handles is looked at again
  bool has_store = true;                              ///< without one: no inbox, no delayed rows, no error store
  bool retries_in_place = false;  ///< ordered queue that keeps a message's place: retries give it back instead of storing a delayed row
  bool keys_held_in_store = false;  ///< ordered: a delayed row holds its key, and what comes after it waits behind it, in the store as well
};

/// What is known of this delivery before anything is done.
struct delivery_facts {
  bool has_id = true;
  bool from_delayed_row = false;  ///< claimed from the store's delayed rows
  bool redelivered = false;
  bool look_first = false;      ///< ask the inbox before running although nothing says it was handled (aliases)
  bool starts_counted = false;  ///< `starts` survives crashes: transport or row has counted this start already
  int starts = 0;          ///< without an outcome, this one included; of a transport those that planned rounds took, too
  int earlier_rounds = 0;  ///< delayed rounds before this one
  bool keyed = false;      ///< it has a key
  bool expired = false;
  bool too_new = false;                     ///< its min_version is above the reader's
  std::chrono::milliseconds too_new_for{};  ///< since it was first found too new
  double random = 0;                        ///< in [0, 1): for jitter
};

enum class delivery_state : std::uint8_t { fresh, queueing, checking, counting, running, waiting, delaying, failing, finishing, done };

enum class delivery_event : std::uint8_t {
  begin,
  nothing_ahead,    ///< no row holds its key
  queued_behind,    ///< one does: it stands behind that one, durably
  not_handled,      ///< no inbox row
  handled,          ///< there is one
  start_counted,    ///< `starts`
  committed,        ///< the handler's unit of work, inbox row included
  already_handled,  ///< the commit met the inbox row
  failed_transient,
  failed_permanent,
  outcome_unknown,  ///< the commit may have happened (commit_unknown)
  interrupted,      ///< the process stops or the queue goes away under the handler
  busy,             ///< somebody else handles it just now; nothing was begun
  waited,
  stored,      ///< the delayed row, the failure or the finish is durable (or was already)
  store_down,  ///< check, count, delay, failure or finish could not be carried out
};

enum class delivery_step : std::uint8_t {
  queue_behind,  ///< where a delayed row holds its key, store it behind
  check_inbox,
  count_start,    ///< `presumed`
  run,
  wait,           ///< `delay`
  store_delayed,  ///< `delay`, `rounds`: row of this handler and message, one commit
  store_failure,  ///< second transaction: inbox row, rejected event, error record
  finish_row,     ///< nothing left to do for a delayed row: remove it
  acknowledge,
  give_back,  ///< `delay`, `counting`
};

/// Why a delivery ended; metrics count by it.
enum class delivery_ending : std::uint8_t {
  none,
  committed,
  duplicate,
  expired,
  delayed,
  behind,  ///< waits in the store for an earlier message of its key
  too_new,
  failed,
  parked_unrun,
  store_down,
  interrupted,
  busy,
  lost
};

/// What becomes of the start we have counted of a delivery that goes back.
enum class start_undo : std::uint8_t {
  none,
  one,  ///< it was counted for nothing
  all,  ///< it has come to an outcome, a round to follow: what is counted is starts without one
};

struct delivery_action {
  delivery_step step = delivery_step::acknowledge;
  std::chrono::milliseconds delay{};
  int rounds = 0;
  start_counting counting = start_counting::counted;
  delivery_ending ending = delivery_ending::none;
  int presumed = 0;  ///< with count_start: starts before this one, where none is counted yet
  start_undo undo = start_undo::none;  ///< with give_back
};

class delivery_machine {
 public:
  delivery_machine(const recoverability& rules, const delivery_facts& facts, injected_faults faults = {})
      : rules_(rules), facts_(facts), faults_(faults) {}

  /// Takes an event, returns the one thing to do next. After `acknowledge` or `give_back` the machine is done. `starts` with start_counted.
  delivery_action on(delivery_event event, int starts = 0);

  delivery_state state() const noexcept { return state_; }
  /// Tries so far, this one included; over all rounds as far as known.
  int attempt() const noexcept { return facts_.earlier_rounds * (rules_.immediate_retries + 1) + tries_; }
  int tries() const noexcept { return tries_; }
  delivery_ending ending() const noexcept { return ending_; }

 private:
  delivery_action begin();
  delivery_action look_whether_handled();
  delivery_action before_run();
  delivery_action after_count(int starts);
  delivery_action run();
  delivery_action fail_transient();
  delivery_action delay(std::chrono::milliseconds span, int rounds, start_counting counting, delivery_ending ending);
  delivery_action fail(delivery_ending ending);
  delivery_action settle(delivery_ending ending);
  delivery_action give_back(std::chrono::milliseconds delay, start_counting counting, delivery_ending ending);
  bool deduplicates() const noexcept { return rules_.has_store && facts_.has_id; }
  int limit() const noexcept;
  int round() const noexcept;
  std::chrono::milliseconds jittered(std::chrono::milliseconds span) const;

  recoverability rules_;
  delivery_facts facts_;
  injected_faults faults_;
  delivery_state state_ = delivery_state::fresh;
  delivery_ending ending_ = delivery_ending::none;
  int tries_ = 0;
  bool counted_ = false;  ///< a start of our own stands in the store
  bool check_again_ = false;
};

/// A delivery with several handlers is acknowledged when each has acknowledged; else it goes back with the longest delay asked for (those
/// that are done have their inbox row).
delivery_action combine(const delivery_action& first, const delivery_action& second);

}  // namespace mamey::inline v1
