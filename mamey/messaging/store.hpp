#pragma once

/// @file
/// What a database offers a module: one commit for everything a handler changed, and the tables of outbox, inbox, delayed messages and errors.
/// Implemented by persistence providers; the state machines of this folder know only this interface.
///
/// Every function may suspend and throws `unavailable` when the database is away, `deadline_exceeded` when the deadline passed. Times compare with the
/// store's own clock: callers pass spans, never instants.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/domain/document.hpp>
#include <mamey/messaging/envelope.hpp>

namespace mamey::inline v1 {

/// The message a unit of work handles, by the subscription's stable name. Ids are unique within a tenant: two tenants may use the same.
struct inbox_key {
  std::string subscription;
  std::string message_id;
  std::string tenant = {};
};

/// Somebody else handles the message just now: nothing was begun and nothing is wrong. It comes again later, which costs it no attempt.
class message_busy : public unavailable {
 public:
  explicit message_busy(const inbox_key& key)
      : unavailable("message_busy", "message {} is being handled by {} elsewhere just now", key.message_id, key.subscription) {}
};

/// A message that could not be handled, kept for people.
struct error_record {
  std::string id;            ///< of this record
  inbox_key key;
  envelope message;
  std::string error_code;
  std::string error_reason;
  int attempts = 0;
  wall_time first_failed_at{};
  wall_time failed_at{};
};

/// A message to be handled (again) by one subscription of this module at a later time.
struct delayed_message {
  std::string id;            ///< of this row; the same id replaces
  std::string subscription;
  envelope message;
  int rounds = 0;            ///< of handling that came to an outcome: it failed
  int starts = 0;            ///< since then, without one; each claim counts one
  std::chrono::milliseconds delay{};
  wall_time first_failed_at{};
  wall_time waits_since{};   ///< since when it waits for a newer instance that can handle it; none: it does not
  std::string last_error;
  bool holds_key = false;    ///< later messages of its key wait behind it, see `store::wait_behind`
};

struct due_request {
  std::string token;                ///< fresh for each request: with it `release_due` frees what was claimed, also when the answer was lost
  std::size_t most = 32;
  std::chrono::milliseconds lease{120'000};
  std::vector<std::string> except;  ///< handlers whose rows stay where they are, theirs from the error store among them
};

/// Everything one unit of work changes. Applied in this order, all or nothing; rows it settles go before rows it adds, so that it may schedule its own
/// row again.
struct change_set {
  std::optional<inbox_key> inbox;             ///< inserted first; already there ⇒ `already_handled`, nothing is applied
  std::vector<document_write> documents;
  std::vector<sql_statement> statements;
  std::vector<envelope> outbox;               ///< `key` empty: unordered
  std::vector<error_record> errors;
  std::vector<delayed_message> delayed;
  std::vector<std::string> finished_delayed;  ///< rows of `delayed` this unit of work settles
  std::vector<std::string> finished_errors;   ///< rows of the error store this unit of work settles

  bool empty() const noexcept {
    return !inbox && documents.empty() && statements.empty() && outbox.empty() && errors.empty() && delayed.empty() && finished_delayed.empty() && finished_errors.empty();
  }
};

enum class commit_outcome : std::uint8_t { committed, already_handled };

/// A real transaction, for a handler that asks for `mamey::transaction&`.
class store_transaction : public document_reader {
 public:
  /// Number of rows changed.
  virtual std::int64_t execute(const sql_statement& statement) = 0;
  /// Applies the recorded changes inside this transaction and commits. `already_handled` cannot happen: the inbox row went in first.
  virtual void commit(const change_set& changes) = 0;
  virtual void rollback() noexcept = 0;
};

/// A claimed row of the outbox.
struct claimed_message {
  std::int64_t sequence = 0;   ///< order of commits within a key
  envelope message;
  int attempts = 0;            ///< refusals of the message itself, so far
  bool reclaimed = true;       ///< an earlier claim ended without a word (its process may have died): the message may be out already. False: certainly not
  bool behind_parked = false;  ///< ordered, `parked_head_blocks` false: an earlier message of its key is parked
};

struct claim {
  std::string token;           ///< fresh for each claim
  std::vector<claimed_message> rows;
};

struct claim_request {
  std::size_t most_rows = 100;
  std::size_t most_bytes = 1 << 20;
  std::chrono::milliseconds lease{30'000};
  bool ordered = false;        ///< at most the head of each key (rows without a key: any number), and only keys whose slot `owner` leases
  std::string owner;           ///< ordered: as in `lease_slots`
  bool parked_head_blocks = true;  ///< ordered: false hands out what stands behind a parked message too, marked `behind_parked`
};

struct outbox_failure {
  std::int64_t sequence = 0;
  std::string reason;
  std::chrono::milliseconds retry_after{};
  bool park = false;
};

struct outbox_state {
  std::int64_t pending = 0;
  std::int64_t parked = 0;
  std::int64_t unroutable = 0;
  std::chrono::milliseconds oldest_age{};
};

/// Why the relay leaves a row alone until somebody asks for it.
enum class set_aside : std::uint8_t {
  parked,      ///< refused too often
  unroutable,  ///< an event nobody was bound to
};

struct message_aside {
  std::int64_t sequence = 0;
  envelope message;
  int attempts = 0;
  std::string reason;  ///< of the last refusal
};

/// One module's database.
class store : public document_reader {
 public:
  // -- start --------------------------------------------------------------------------------------------------------
  /// Creates or migrates the framework's tables and those of `collections`.
  virtual void prepare(std::span<const collection* const> collections) = 0;

  // -- units of work ------------------------------------------------------------------------------------------------
  /// Applies `changes` durably: when it returns `committed`, a power cut does not undo it.
  /// Throws concurrency_conflict (a version did not match, a unique column collided), commit_unknown.
  virtual commit_outcome commit(const change_set& changes) = 0;
  /// Begins an interactive unit; with `inbox`, its row goes in first: null when it was there already. While another unit of the same key is open,
  /// in this process or another, it throws message_busy, or (where writers wait for each other anyway) waits for that unit's end. Never are two open.
  virtual std::unique_ptr<store_transaction> begin(const std::optional<inbox_key>& inbox, std::chrono::milliseconds bound) = 0;

  // -- outbox -------------------------------------------------------------------------------------------------------
  /// Takes rows that are due and free (or whose lease ran out) under one fresh token.
  virtual claim claim_outbox(const claim_request& request) = 0;
  /// Confirmed rows are deleted (or kept, with retention). Applies whatever the token: the message is out.
  virtual void mark_sent(std::span<const std::int64_t> sequences) = 0;
  /// A published event nobody is bound to: kept, listed, resendable, never poison.
  virtual void mark_unroutable(std::span<const std::int64_t> sequences) = 0;
  /// Only with the token that holds the rows; returns how many applied.
  virtual std::size_t renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) = 0;
  virtual std::size_t release_outbox(const std::string& token, std::span<const std::int64_t> sequences) = 0;
  virtual std::size_t fail_outbox(const std::string& token, std::span<const outbox_failure> failures) = 0;
  virtual outbox_state read_outbox_state() = 0;
  /// Oldest first.
  virtual std::vector<message_aside> list_aside(set_aside which, std::int64_t offset, std::int64_t limit) = 0;
  /// Puts rows back to be sent and wakes the relay: a parked one in its place, an unroutable one at the end, under a new sequence. Returns how many
  /// there were.
  virtual std::size_t resend_outbox(std::span<const std::int64_t> sequences) = 0;

  // -- ordered slots ------------------------------------------------------------------------------------------------
  /// Leases up to `most` of the 1024 slots to `owner`; returns all it now holds. Expired leases count as free.
  virtual std::vector<int> lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) = 0;
  virtual void release_slots(const std::string& owner) = 0;

  // -- inbox and attempts -------------------------------------------------------------------------------------------
  virtual bool was_handled(const inbox_key& key) = 0;
  /// Counts a start before the work, durably; returns the number including this one. `presumed`: starts there were before the first that is
  /// counted here, at least 0.
  virtual int count_start(const inbox_key& key, int presumed) = 0;
  /// Takes one start back: it came to nothing that the message is to blame for.
  virtual void take_back_start(const inbox_key& key) = 0;
  /// The last start came to an outcome: what is counted from here on begins at 0. Does nothing where none was counted.
  virtual void forget_starts(const inbox_key& key) = 0;

  // -- delayed messages ---------------------------------------------------------------------------------------------
  /// Takes due rows under a lease, oldest first, counting a start each. Those whose earlier claim ended without a word may have ended a process,
  /// or been claimed beside one that did: one of them at a time, so that no other is counted for it. What waits behind another is not due, see
  /// `wait_behind`.
  virtual std::vector<delayed_message> claim_due(const due_request& request) = 0;
  /// Frees what stands under the token and takes the starts back that its claim counted.
  virtual void release_due(const std::string& token) = 0;
  /// Where a row of the same subscription, tenant and key holds that key, stores `row` behind it, durably and once an id, and returns true; else false and
  /// nothing is stored. Rows that hold a key are claimed one at a time, in the order they were first stored: the next when the one before is finished.
  virtual bool wait_behind(const delayed_message& row) = 0;

  // -- errors -------------------------------------------------------------------------------------------------------
  virtual std::vector<error_record> list_errors(std::int64_t offset, std::int64_t limit) = 0;
  virtual std::optional<error_record> load_error(std::string_view id) = 0;
  virtual std::int64_t count_errors() = 0;

  // -- upkeep -------------------------------------------------------------------------------------------------------
  /// Deletes what outlived its retention, in bounded batches; returns whether more is left.
  struct retention {
    std::chrono::seconds inbox{std::chrono::hours(24 * 14)};
    std::chrono::seconds sent{0};
    std::chrono::seconds errors{std::chrono::hours(24 * 7)};
    std::size_t batch = 1000;
  };
  virtual bool clean(const retention& keep) = 0;

  /// Called after a commit that wrote outbox rows (or delayed rows): wakes the relay of this process. Set once at start; may be called from any thread.
  virtual void on_commit(std::function<void()> wake) = 0;
  /// Throws when the store cannot serve. For health.
  virtual void check() = 0;
};

}  // namespace mamey::inline v1
