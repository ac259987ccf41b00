#pragma once

/// @file
/// For the framework.
/// One delivery at one handler as a pure state machine: count the start, check the inbox, run the handler, end the delivery. A delivery is
/// acknowledged only when its outcome is durable.
///
/// A message always has exactly one owner. Until the handler's commit, a delayed row or an error record is durable, the owner is the
/// transport (or the claimed delayed row), which hands the message out again after a crash.

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include <mamey/messaging/failure_plan.hpp>
#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

/// The settings for every delivery of a subscription. A failure_plan replaces both numbers of retries.
struct recoverability {
  int immediate_retries = 2;
  std::chrono::milliseconds immediate_delay{20};  ///< doubles with each immediate retry
  std::span<const std::chrono::milliseconds> delayed_retries;
  double jitter = 0.2;
  int start_limit = 5;
  std::chrono::milliseconds rollout_window{600'000};
  std::chrono::milliseconds rollout_delay{5'000};
  std::chrono::milliseconds store_down_delay{
      1'000};                                   ///< before a message that was given back because the store is away is handed out again
  std::chrono::milliseconds busy_delay{1'000};  ///< before a message that another instance handles is checked again
  bool has_store = true;                        ///< without one: no inbox, no delayed rows, no error store
  bool retries_in_place =
      false;  ///< ordered queue that keeps a message's place: a retry gives the message back instead of storing a delayed row
  bool keys_held_in_store = false;  ///< ordered: a delayed row holds its key; later messages of the key wait behind it in the store
};

/// The facts about this delivery before it begins.
struct delivery_facts {
  bool has_id = true;
  bool from_delayed_row = false;  ///< claimed from the store's delayed rows
  bool redelivered = false;
  bool look_first = false;      ///< check the inbox before running, even without a sign that the message was handled (aliases)
  bool starts_counted = false;  ///< `starts` survives crashes: the transport or the row has already counted this start
  int starts = 0;          ///< starts without an outcome, with this one; a count of the transport also has the starts of planned rounds
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
  queued_behind,    ///< a row holds its key: the message is stored behind that row, durably
  not_handled,      ///< there is no inbox row
  handled,          ///< there is an inbox row
  start_counted,    ///< `starts`
  committed,        ///< the handler's unit of work, inbox row included
  already_handled,  ///< the commit met the inbox row
  failed_transient,
  failed_permanent,
  outcome_unknown,  ///< the commit may have happened (commit_unknown)
  interrupted,      ///< the process stops or the queue goes away under the handler
  busy,             ///< another instance handles it now; nothing was begun
  waited,
  stored,      ///< the delayed row, the failure or the finish is durable (or was already)
  store_down,  ///< the store did not carry out check, count, delay, failure or finish
};

enum class delivery_step : std::uint8_t {
  queue_behind,  ///< when a delayed row holds its key: store the message behind that row
  check_inbox,
  count_start,  ///< `presumed`
  run,
  wait,           ///< `delay`
  store_delayed,  ///< `delay`, `rounds`: row of this handler and message, one commit
  store_failure,  ///< second transaction: inbox row, rejected event, error record
  finish_row,     ///< the delayed row is done: remove it
  acknowledge,
  give_back,  ///< `delay`, `counting`
};

/// The reason for the end of a delivery; metrics count by it.
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
  lost,
  discarded,
  paused,  ///< the message goes back, and its subscription handles nothing more
};

/// How the counted start of a delivery that goes back is corrected.
enum class start_undo : std::uint8_t {
  none,
  one,  ///< take back this start: the message is not the cause of the return
  all,  ///< take back all starts: they have an outcome (a round failed, another follows), and only starts without an outcome count
};

struct delivery_action {
  delivery_step step = delivery_step::acknowledge;
  std::chrono::milliseconds delay{};
  int rounds = 0;
  start_counting counting = start_counting::counted;
  delivery_ending ending = delivery_ending::none;
  int presumed = 0;                       ///< with count_start: the number of earlier starts, when none has been counted yet
  start_undo undo = start_undo::none;     ///< with give_back
  std::chrono::milliseconds pause_for{};  ///< of an ending `paused`; 0: until it is resumed
};

class delivery_machine {
 public:
  /// `plan` outlives the machine; null: `rules` alone decide.
  delivery_machine(const recoverability& rules, const delivery_facts& facts, injected_faults faults = {},
                   const failure_plan* plan = nullptr);

  /// Takes an event and returns the next step. After `acknowledge` or `give_back` the machine is done. `starts` is given with
  /// start_counted, `error_code` with a failure.
  delivery_action on(delivery_event event, int starts = 0, std::string_view error_code = {});

  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;

  delivery_state state() const noexcept { return state_; }
  /// The number of attempts with this one, over all known rounds.
  int attempt() const noexcept { return facts_.earlier_rounds * (usual_.immediate_retries + 1) + tries_; }
  int tries() const noexcept { return tries_; }
  delivery_ending ending() const noexcept { return ending_; }

 private:
  delivery_action begin();
  delivery_action look_whether_handled();
  delivery_action before_run();
  delivery_action after_count(int starts);
  delivery_action run();
  /// A number of immediate retries, and the waits before the delayed ones.
  struct schedule {
    int immediate_retries = 0;
    std::span<const std::chrono::milliseconds> delayed_retries;
  };
  static schedule schedule_of(const failure_decision& decided) noexcept {
    return {.immediate_retries = decided.immediate_retries, .delayed_retries = decided.delayed_retries};
  }

  delivery_action react(delivery_event failure, std::string_view error_code);
  delivery_action retry(const schedule& how);
  delivery_action discard();
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
  const failure_plan* plan_;
  schedule usual_;          ///< of an error code without a rule
  int most_immediate_ = 0;  ///< of any error code, as the next
  int most_delayed_ = 0;
  delivery_state state_ = delivery_state::fresh;
  delivery_ending ending_ = delivery_ending::none;
  int tries_ = 0;
  bool counted_ = false;  ///< a start of our own stands in the store
  bool check_again_ = false;
};

/// A delivery with several handlers is acknowledged when each handler has acknowledged. Otherwise it goes back with the longest requested
/// delay (handlers that are done have their inbox row).
delivery_action combine(const delivery_action& first, const delivery_action& second);

}  // namespace mamey::inline v1
