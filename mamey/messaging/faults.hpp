#pragma once

/// @file
/// For the framework.
/// Known defects that a test can switch on, to prove that the simulator finds them. All off outside tests.

namespace mamey::inline v1 {

struct injected_faults {
  bool mark_before_confirm = false;           ///< a row counts as sent when it is handed to the broker
  bool effect_before_inbox_row = false;       ///< the unit of work commits first, the inbox row follows
  bool lease_not_rechecked = false;           ///< sends claimed rows without checking their lease
  bool head_skipped = false;                  ///< ordered mode sends a follower while its head is out or refused
  bool timer_not_armed_again = false;         ///< an empty poll is the last one
  bool nack_pauses_all = false;               ///< one full queue holds up the messages to every other
  bool attempt_counted_after = false;         ///< a start is counted when the handler is done
  bool handed_lease_from_the_answer = false;  ///< the lease of a handed row counts from when its commit was known
  bool handed_before_the_commit = false;      ///< rows are handed over although their commit may fail
  bool handed_without_a_lease = false;        ///< rows are handed over that anybody may claim
  bool handed_twice = false;                  ///< rows are handed over again after a while
  bool handed_out_of_order = false;           ///< a row is handed over although an earlier one of its key is in the outbox
  bool marks_lost_at_stop = false;            ///< a relay that stops forgets the confirmed rows that it was about to mark
  bool exhausted_discarded = false;           ///< a message whose retries are used up is discarded, although no rule asks for it
  bool paused_message_settled = false;        ///< a message that pauses its subscription is settled instead of given back
  bool pause_forgotten = false;               ///< a subscription that is to pause goes on

  bool operator==(const injected_faults&) const = default;
};

}  // namespace mamey::inline v1
