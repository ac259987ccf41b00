#pragma once

/// @file
/// For the framework.
/// The outbox relay as a pure state machine: it claims rows, sends them within a window, and marks them after the broker's confirm. It has
/// no clock, no thread and no database. Events with the time go in and actions come out; its driver carries them out and reports the
/// results.
///
/// Its invariants (`check` looks at those of a moment):
///  - A row is marked only after its confirm.
///  - Nothing is sent after the end of the lease less a margin. The lease is counted from before the claim was issued.
///  - Two copies of one message id are never in flight.
///  - Ordered: at most one unconfirmed message per key.
///  - A fault of the broker costs no message an attempt.
///  - A confirmed row is marked within `mark_delay`, and before the relay stops, unless the store is away.
///  - A destination (exchange and routing key) that the broker does not take holds up no other destination.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/outbox_store.hpp>
#include <mamey/messaging/transport.hpp>

namespace mamey::inline v1 {

struct relay_settings {
  std::size_t batch = 100;
  std::size_t batch_bytes = 1 << 20;
  std::size_t window = 256;  ///< maximum number of messages that are sent and unconfirmed
  std::chrono::milliseconds lease{15'000};
  std::chrono::milliseconds margin{2'000};            ///< sending stops this long before the lease ends
  std::chrono::milliseconds confirm_timeout{10'000};  ///< zero: none
  std::size_t mark_batch = 64;                        ///< confirmed rows are marked together: as soon as so many wait,
  std::chrono::milliseconds mark_delay{40};           ///< or the first of them has waited so long. Zero: at once
  std::chrono::milliseconds shortest_poll{10};
  std::chrono::milliseconds longest_poll{1'000};
  std::chrono::milliseconds shortest_pause{100};  ///< after a fault of the broker; doubles up to the longest
  std::chrono::milliseconds longest_pause{10'000};
  std::chrono::milliseconds shortest_refusal_delay{1'000};
  std::chrono::milliseconds longest_refusal_delay{300'000};
  int refusals = 10;  ///< refusals of one message before it is parked
  bool ordered = false;
  bool parked_head_blocks = true;
  std::string owner;  ///< owner of ordered slots: unique among relays
  std::size_t most_slots = 1024;
  std::string hand_over_token = {};  ///< under which commits may lease rows to this relay; empty: they may not. Never used twice
  std::chrono::milliseconds hand_over_lease{15'000};  ///< of such rows
};

enum class relay_state : std::uint8_t { idle, claiming, sending, paused, stopping, stopped };

enum class relay_event : std::uint8_t {
  started,
  woken,    ///< a commit of this process wrote outbox rows
  timer,    ///< `wake_at` has come
  claimed,  ///< `rows`
  claim_failed,
  slots_leased,  ///< `applied`: how many this relay now holds
  slots_failed,
  confirmed,  ///< with `tag`, like the next four
  unroutable,
  refused,
  broker_fault,
  nacked,
  row_work_done,  ///< for the one mark, failure, renewal or release that was issued; `applied` where the store counts
  row_work_failed,
  blocked,
  down,
  ready,
  stop,
  give_up,  ///< stopping took too long
  handed,   ///< `handed`: a commit of this process has leased rows to this relay
};

struct relay_input {
  relay_event event = relay_event::timer;
  std::uint64_t tag = 0;
  std::string reason;
  bool untouched = false;
  claim rows;
  std::size_t applied = 0;
  handed_rows handed = {};
};

/// How much a relay takes from commits at present.
struct hand_over_room {
  std::size_t rows = 0;
  std::size_t bytes = 0;  ///< of bodies
};

enum class relay_step : std::uint8_t {
  lease_slots,
  claim,
  send,
  mark_sent,
  mark_unroutable,
  fail,
  renew,
  release,
  release_slots,
  reset_channel,
  finish
};

struct relay_action {
  relay_step step = relay_step::claim;
  claim_request request;                   ///< claim; lease_slots, renew and release_slots use parts of it
  std::vector<outgoing_message> messages;  ///< send
  std::string token;                       ///< fail, renew, release
  std::vector<std::int64_t> sequences;     ///< mark_sent, mark_unroutable, renew, release
  std::vector<outbox_failure> failures;    ///< fail
};

struct relay_counts {
  std::uint64_t claimed = 0;
  std::uint64_t handed = 0;  ///< leased by the commits that wrote them
  std::uint64_t sent = 0;    ///< handed to the transport, repeats included
  std::uint64_t confirmed = 0;
  std::uint64_t unroutable = 0;
  std::uint64_t refused = 0;
  std::uint64_t parked = 0;
  std::uint64_t broker_faults = 0;
  std::uint64_t nacked = 0;
  std::uint64_t postponed = 0;  ///< put back unsent, because the broker takes nothing for their destination
  std::uint64_t confirm_timeouts = 0;
  std::uint64_t leases_lost = 0;
  std::uint64_t store_failures = 0;
};

/// A destination that the broker does not take at present, because a queue behind it is full or answers nothing. Its rows wait while
/// others are sent. After a pause it is probed with one message; each confirm doubles the number that may be out, until it is open again.
struct closed_destination {
  std::string reason;
  steady_time until{};  ///< nothing is sent there before
  std::chrono::nanoseconds pause{};
  std::size_t window = 1;
  std::size_t out = 0;        ///< sent since it was closed, unconfirmed
  steady_time last_return{};  ///< of the rows that were put back

  bool takes(steady_time now) const noexcept { return now >= until && out < window; }
};

/// One driver at a time. At most one claim, one lease of slots and one row work are issued at a time; the driver may run the three
/// concurrently.
class relay_machine {
 public:
  explicit relay_machine(relay_settings settings, std::uint64_t seed, injected_faults faults = {});

  /// Takes an event and returns the actions, in order.
  std::vector<relay_action> on(steady_time now, relay_input input);
  /// The latest time at which the driver must report `timer`.
  steady_time wake_at() const noexcept { return wake_at_; }

  /// The first invariant that does not hold; empty: all hold. Asserted after each event in debug and sanitizer builds, and by simulations.
  std::string_view check() const;

  relay_state state() const noexcept;
  const relay_counts& counts() const noexcept { return counts_; }
  /// By exchange and routing key.
  using closed_destinations = std::map<std::pair<std::string, std::string>, closed_destination>;
  const closed_destinations& closed() const noexcept { return closed_; }
  /// For health: the first closed destination for which a message waited lately, and why; empty: none.
  std::string waiting() const;
  std::size_t in_hand() const noexcept { return rows_.size(); }
  /// Empty: commits insert their rows free, and wake the relay. So it is while rows wait in the store: those come first.
  std::optional<hand_over_room> room_for_commits() const;
  hand_over_terms terms_for_commits() const;
  std::size_t in_flight() const noexcept { return out_.size(); }

 private:
  enum class phase : std::uint8_t { queued, out, settled, failing };
  struct batch {
    std::string token;
    steady_time deadline;
    steady_time renew_at;
    std::size_t rows = 0;
  };
  struct row {
    std::shared_ptr<const envelope> message;
    std::uint64_t batch = 0;  ///< 0: the lease is lost
    std::uint64_t tag = 0;
    int attempts = 0;
    phase at = phase::queued;
    bool reclaimed = false;  ///< an earlier holder may have sent it
    bool touched = false;    ///< handed out by this relay, and not reported as never sent
    bool behind_parked = false;
    bool followed = false;                   ///< ordered: a later message of its key waits for its mark
    bool probe = false;                      ///< out, and counted in `to`
    int faults = 0;                          ///< faults of the broker that it met here
    std::optional<std::uint64_t> nacked_at;  ///< the number of confirms when it was first nacked
    closed_destination* to = nullptr;        ///< null: its destination is open
  };
  struct flight {
    std::int64_t sequence = 0;
    steady_time since;
  };
  struct failure {
    std::uint64_t batch = 0;
    outbox_failure what;
  };
  enum class row_work : std::uint8_t { none, sent, unroutable, fail, renew, release };
  using actions = std::vector<relay_action>;

  void take_claim(steady_time now, claim&& rows);
  void take_handed(steady_time now, handed_rows&& handed);
  std::uint64_t batch_of_handed(steady_time now, steady_time since);
  void wake_up();
  void note_follower(const std::string& key);
  void adopt(std::int64_t sequence, claimed_message&& incoming, std::uint64_t batch_id);
  void enqueue(std::int64_t sequence, row& fresh);
  void settle_flight(steady_time now, const relay_input& input);
  void refuse(std::int64_t sequence, row& which, std::string reason);
  void park(std::int64_t sequence, row& which, std::string reason);
  void end_row_work(steady_time now, bool done, std::size_t applied);
  void end_renewal(std::size_t applied);
  void begin_stop();
  void release_queue();
  void give_up(actions& out);
  void fault(std::int64_t sequence, row& which, bool untouched);
  void pause(steady_time now);

  void nacked(steady_time now, std::int64_t sequence, row& which, const std::string& reason);
  void close_destination(steady_time now, row& which, std::string reason);
  void forget_idle_destinations();
  closed_destination* closed_for(const envelope& message);
  void probe_was_taken(row& which);
  static void end_probe(row& which);
  void hold_back(steady_time now);
  void postpone(steady_time now, std::int64_t sequence, row& which);

  std::string_view check_flights() const;
  std::string_view check_batches() const;
  std::string_view check_row_work() const;
  std::string_view check_destinations() const;
  std::string_view check_waiting() const;
  std::string_view check_hand_over() const;

  void advance(steady_time now, actions& out);
  void check_confirms(steady_time now, actions& out);
  void send(steady_time now, actions& out);
  bool may_send(steady_time now, const row& which) const;
  static int faults_of(const row& which);
  int fewest_faults(steady_time now) const;
  void hand_over(steady_time now, std::int64_t sequence, row& which, relay_action& handing);
  void to_be_marked(steady_time now, std::int64_t sequence, row& which);
  bool marks_are_due(steady_time now) const;
  bool hand_is_full() const;
  void start_row_work(steady_time now, actions& out);
  bool start_renewal(steady_time now, actions& out);
  bool start_failures(actions& out);
  bool start_release(actions& out);
  void lease_slots(steady_time now, actions& out);
  bool can_claim(steady_time now) const;
  void start_claim(steady_time now, actions& out);
  void finish(actions& out);
  void arm(steady_time now);

  bool is_ordered(const row& which) const { return settings_.ordered && !faults_.head_skipped && !which.message->key.empty(); }
  void leave_batch(row& which);
  void forget(std::int64_t sequence);
  void drop_batch(std::uint64_t id);
  std::chrono::nanoseconds jittered(std::chrono::nanoseconds span);
  void store_failed(steady_time now);
  void store_answered() noexcept;
  bool paused(steady_time now) const noexcept { return blocked_ || now < pause_until_; }

  static constexpr std::chrono::milliseconds store_pauses_from{50};

  relay_settings settings_;
  injected_faults faults_;
  std::minstd_rand random_;
  relay_counts counts_;

  std::map<std::uint64_t, batch> batches_;
  std::unordered_map<std::int64_t, row> rows_;
  std::set<std::int64_t> queue_;                   ///< rows to send, in the order of commits
  std::unordered_map<std::uint64_t, flight> out_;  ///< by tag
  std::deque<std::uint64_t> out_order_;
  std::unordered_set<std::string> ids_out_;
  std::unordered_set<std::string> keys_out_;  ///< ordered: keys with a message out or not yet marked

  std::size_t bytes_ = 0;             ///< bodies of `rows_`
  std::uint64_t handed_batch_ = 0;    ///< takes the rows of more commits,
  steady_time handed_batch_until_{};  ///< until then; 0: none does

  std::vector<std::int64_t> to_mark_sent_, to_mark_unroutable_, working_;
  std::vector<failure> to_fail_;
  std::vector<std::int64_t> to_release_;
  steady_time marks_due_at_{};  ///< of `to_mark_sent_`, unless it is empty
  row_work work_ = row_work::none;
  std::uint64_t working_batch_ = 0;
  steady_time work_issued_{};

  bool started_ = false, stopping_ = false, gave_up_ = false, stopped_ = false;
  bool claim_out_ = false, claim_wanted_ = true, woken_while_claiming_ = false;
  steady_time claim_issued_{}, poll_at_{}, old_leases_end_{};
  std::chrono::nanoseconds poll_{};
  bool slots_out_ = false, slots_released_ = false;
  std::size_t slots_ = 0;
  steady_time slots_issued_{}, slots_until_{}, slots_renew_at_{};
  bool blocked_ = false, probing_ = false;
  closed_destinations closed_;
  std::size_t held_ = 0;  ///< rows of `queue_` whose destination is closed
  steady_time last_confirm_{};
  steady_time pause_until_{}, now_{};
  std::chrono::nanoseconds pause_{};
  steady_time store_retry_at_{};
  std::chrono::nanoseconds store_pause_{};
  std::uint64_t next_tag_ = 0, next_batch_ = 0;
  steady_time wake_at_ = steady_time::max();
};

}  // namespace mamey::inline v1
