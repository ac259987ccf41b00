#pragma once

/// @file
/// For providers and the framework: the role of a store that keeps messages for later.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mamey/messaging/envelope.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// A message to be handled (again) by one subscription of this module at a later time.
struct delayed_message {
  std::string id;  ///< of this row; a row with the same id is replaced
  std::string subscription;
  envelope message;
  int rounds = 0;  ///< rounds of handling that failed
  int starts = 0;  ///< starts since the last of these rounds, without an outcome; each claim counts one
  std::chrono::milliseconds delay{};
  wall_time first_failed_at{};
  wall_time waits_since{};  ///< the time since it waits for a newer instance that can handle it; zero: it does not wait for one
  std::string last_error;
  bool holds_key = false;  ///< later messages of its key wait behind it, see `delayed_store::wait_behind`
};

/// A claim of due rows.
struct due_request {
  std::string token;  ///< new for each request: with it `release_due` frees the claimed rows, even when the answer was lost
  std::size_t most = 32;
  std::chrono::milliseconds lease{120'000};
  std::vector<std::string> except;  ///< handlers whose rows are not claimed, their rows from the error store included
};

/// Which delayed messages are meant; empty members do not choose.
struct delayed_filter {
  std::optional<std::string> id = {};
  std::optional<std::string> type = {};  ///< wire name
  std::optional<std::string> key = {};
  std::optional<std::string> tenant = {};
};

/// A delayed message with its state.
struct waiting_message {
  delayed_message row;
  wall_time due{};       ///< by the store's clock
  bool running = false;  ///< claimed: it is being handled, or is about to be
};

/// The delayed messages of one module: retries, scheduled commands, retries from the error store. Rows are added and removed by the commit
/// of a unit of work (`change_set::delayed`, `change_set::finished_delayed`). Times, suspension and errors: see store.hpp.
class delayed_store {
 public:
  virtual ~delayed_store() = default;
  /// Claims due rows under a lease, oldest first, and counts a start for each. A row whose last claim ended without an outcome may have
  /// killed its process, or it was claimed together with a row that did. At most one such row is claimed at a time, so that only the cause
  /// is charged a start. A row that waits behind another is not due, see `wait_behind`.
  virtual std::vector<delayed_message> claim_due(const due_request& request) = 0;
  /// Frees the rows under the token and takes back the starts that its claim counted.
  virtual void release_due(const std::string& token) = 0;
  /// The time until the next delayed row may be claimed: 0 or less means at once. Empty: there is none. A store that cannot tell answers 0
  /// and is asked for rows at short intervals.
  virtual std::optional<std::chrono::milliseconds> next_due() { return std::chrono::milliseconds(0); }
  /// When a row of the same subscription, tenant and key holds that key: stores `row` behind it, durably and once per id, and returns true.
  /// Otherwise stores nothing and returns false. Rows that hold a key are claimed one at a time, in the order of their first storing: each
  /// when its predecessor is finished.
  virtual bool wait_behind(const delayed_message& row) = 0;
  /// The earliest first. `change_set::cancelled_delayed` takes one back.
  virtual std::vector<waiting_message> list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) = 0;
  virtual std::int64_t count_delayed(const delayed_filter& filter) = 0;
};

}  // namespace mamey::inline v1
