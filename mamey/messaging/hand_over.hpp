#pragma once

/// @file
/// For providers and the framework: how a commit hands its messages to the relay of its own process, so that no claim has to find them.
/// docs/messaging.md has the contract.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

/// How a commit may insert its rows of the outbox: leased to the relay, as if it had claimed them.
struct hand_over_terms {
  std::string token;
  std::chrono::milliseconds lease{};
  bool ordered = false;    ///< a row with a key is leased only while `owner` holds its slot and no other row of the key is in the outbox
  std::string owner = {};  ///< ordered: as in `outbox_store::lease_slots`
};

struct handed_message {
  std::int64_t sequence = 0;
  std::shared_ptr<const envelope> message;
};

/// The rows of one commit that is known to have succeeded.
struct handed_rows {
  std::string token;                   ///< under which `rows` are leased
  steady_time since{};                 ///< before the rows were inserted: their leases are counted from here
  std::vector<handed_message> rows;    ///< leased, in the order of their sequences
  std::vector<std::string> free_keys;  ///< keys of the rows that were inserted free
  std::size_t reserved_rows = 0;
  std::size_t reserved_bytes = 0;
};

/// A relay that takes rows from commits. Any thread; no function suspends.
class hand_over_target {
 public:
  virtual ~hand_over_target() = default;
  /// Before the rows of a commit are inserted. Empty: they are inserted free. Otherwise one call of `take` or `cancel` follows.
  virtual std::optional<hand_over_terms> reserve(std::size_t rows, std::size_t bytes) = 0;
  /// False when the relay does not run any more: leases end, and a claim finds the rows.
  virtual bool take(handed_rows rows) noexcept = 0;
  virtual void cancel(std::size_t rows, std::size_t bytes) noexcept = 0;
};

/// The target of a store. Any thread.
class hand_over_slot {
 public:
  void set(std::shared_ptr<hand_over_target> to) {
    const std::lock_guard lock(guard_);
    to_.swap(to);
  }
  std::shared_ptr<hand_over_target> current() const {
    const std::lock_guard lock(guard_);
    return to_;
  }

 private:
  mutable std::mutex guard_;
  std::shared_ptr<hand_over_target> to_;
};

/// One commit's part. A commit that ends without `committed`, also because nobody knows how it ended, hands nothing over.
class hand_over {
 public:
  hand_over() = default;
  /// `to` may be null. On the fiber that commits.
  hand_over(std::shared_ptr<hand_over_target> to, const std::vector<envelope>& outbox);
  hand_over(hand_over&& other) noexcept = default;
  hand_over& operator=(hand_over&&) = delete;
  ~hand_over();

  /// Null: rows are inserted free.
  const hand_over_terms* terms() const noexcept { return to_ ? &*terms_ : nullptr; }
  /// Before each attempt to commit, on the fiber that commits.
  void begin() noexcept;
  /// Forgets what was inserted: its transaction is gone.
  void start_over() noexcept;
  /// A row was inserted.
  void inserted(std::int64_t sequence, bool leased, const envelope& message) noexcept;
  /// Nothing is handed over: the commit failed. The destructor does it as well.
  void cancel() noexcept;
  /// The commit is known to have succeeded. Returns what others have to look for.
  written_rows committed(written_rows wrote) noexcept;

 private:
  std::shared_ptr<hand_over_target> to_;
  std::optional<hand_over_terms> terms_;
  handed_rows rows_;
};

}  // namespace mamey::inline v1
