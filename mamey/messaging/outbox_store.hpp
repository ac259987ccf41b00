#pragma once

/// @file
/// For providers and the framework: the outbox role of a store. It hands committed messages to the relay.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/hand_over.hpp>

namespace mamey::inline v1 {

/// A claimed row of the outbox.
struct claimed_message {
  std::int64_t sequence = 0;  ///< order of commits within a key
  envelope message;
  int attempts = 0;  ///< how often the transport has refused this message
  bool reclaimed =
      true;  ///< an earlier claim ended without an outcome (its process may have died): the message may have been sent. False: it was certainly not sent
  bool behind_parked = false;  ///< ordered, with `parked_head_blocks` false: an earlier message of its key is parked
  bool followed = false;       ///< ordered: a later message of its key waits behind it
};

struct claim {
  std::string token;  ///< fresh for each claim
  std::vector<claimed_message> rows;
};

struct claim_request {
  std::size_t most_rows = 100;
  std::size_t most_bytes = 1 << 20;
  std::chrono::milliseconds lease{30'000};
  bool ordered = false;  ///< claims only the head of each key, and only keys whose slot `owner` leases; any number of rows without a key
  std::string owner;     ///< ordered: as in `lease_slots`
  bool parked_head_blocks = true;  ///< ordered: false also claims messages behind a parked one, marked `behind_parked`
};

struct outbox_failure {
  std::int64_t sequence = 0;
  std::string reason;
  std::chrono::milliseconds retry_after{};
  bool park = false;
  std::string type = {};  ///< of the message, as the next one for the log
  int attempts = 0;       ///< refusals so far, this one included
  bool counted = true;    ///< false: it only waits; the row's number of attempts stays
};

struct outbox_state {
  std::int64_t pending = 0;
  std::int64_t parked = 0;
  std::int64_t unroutable = 0;
  std::chrono::milliseconds oldest_age{};
};

/// The reason why the relay skips a row until an operator asks for it to be sent again.
enum class set_aside : std::uint8_t {
  parked,      ///< the transport refused it too often
  unroutable,  ///< an event to which no queue was bound
};

struct message_aside {
  std::int64_t sequence = 0;
  envelope message;
  int attempts = 0;
  std::string reason;  ///< of the last refusal
};

/// The outbox of one module. Rows are added by the commit of a unit of work (`change_set::outbox`). Times, suspension and errors: see
/// store.hpp.
class outbox_store {
 public:
  virtual ~outbox_store() = default;
  /// Claims rows that are due and free (or whose lease has ended) under one new token.
  virtual claim claim_outbox(const claim_request& request) = 0;
  /// Deletes confirmed rows (or keeps them, with retention). Needs no token, because the message has been sent.
  virtual void mark_sent(std::span<const std::int64_t> sequences) = 0;
  /// Marks published events to which no queue is bound: they are kept, listed, and can be sent again.
  virtual void mark_unroutable(std::span<const std::int64_t> sequences) = 0;
  /// Needs the token that holds the rows; returns for how many rows it applied.
  virtual std::size_t renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) = 0;
  virtual std::size_t release_outbox(const std::string& token, std::span<const std::int64_t> sequences) = 0;
  virtual std::size_t fail_outbox(const std::string& token, std::span<const outbox_failure> failures) = 0;
  virtual outbox_state read_outbox_state() = 0;
  /// Oldest first.
  virtual std::vector<message_aside> list_aside(set_aside which, std::int64_t offset, std::int64_t limit) = 0;
  /// Makes rows ready to be sent again and wakes the relay: a parked row in its place, an unroutable row at the end, under a new sequence.
  /// Returns the number of rows.
  virtual std::size_t resend_outbox(std::span<const std::int64_t> sequences) = 0;

  // -- ordered slots ------------------------------------------------------------------------------------------------
  /// Leases up to `most` of the 1024 slots to `owner`; returns all slots that it now holds. Expired leases count as free.
  virtual std::vector<int> lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) = 0;
  virtual void release_slots(const std::string& owner) = 0;

  // -- hand-over ----------------------------------------------------------------------------------------------------
  /// From now on commits hand their rows to `to`; null: to nobody. Commits under way keep the one they asked. Any thread, never suspends. A
  /// store that does not implement it inserts all rows free, and the relay claims them.
  virtual void hand_to(std::shared_ptr<hand_over_target> to) { static_cast<void>(to); }
};

}  // namespace mamey::inline v1
