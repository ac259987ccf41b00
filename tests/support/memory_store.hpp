#pragma once

/// @file
/// A store in memory with the semantics of messaging/store.hpp and without SQL, for tests: leases by its own clock, which a test may move, and operations
/// that a test may fail.

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <mamey/messaging/store.hpp>

namespace mamey::testing {

class memory_store final : public store {
 public:
  using clock_function = std::function<std::chrono::nanoseconds()>;
  explicit memory_store(clock_function clock = {});

  /// Called before each operation with its name; what it throws, the operation throws, and nothing has happened.
  std::function<void(std::string_view operation)> before;
  /// Called after each operation; what it throws, the operation throws, although it happened.
  std::function<void(std::string_view operation)> after;
  /// Called with each statement of a commit: simulations record effects so.
  std::function<void(const sql_statement&)> apply;

  struct outbox_row {
    envelope message;
    int attempts = 0;
    std::string token;
    std::chrono::nanoseconds lease_until{};
    std::chrono::nanoseconds not_before{};
    bool parked = false;
    bool unroutable = false;
    std::string reason;
  };
  // For assertions. `row_of` is for one thread: no lock.
  const outbox_row* row_of(std::int64_t sequence) const;
  bool has_pending() const;  ///< rows that are neither parked nor unroutable
  std::map<std::int64_t, outbox_row> outbox() const;
  std::size_t delayed_count() const;
  std::vector<error_record> errors() const;
  std::size_t commits() const;

  void prepare(std::span<const collection* const> collections) override;
  commit_outcome commit(const change_set& changes) override;

  claim claim_outbox(const claim_request& request) override;
  void mark_sent(std::span<const std::int64_t> sequences) override;
  void mark_unroutable(std::span<const std::int64_t> sequences) override;
  std::size_t renew_outbox(const std::string& token, std::span<const std::int64_t> sequences, std::chrono::milliseconds lease) override;
  std::size_t release_outbox(const std::string& token, std::span<const std::int64_t> sequences) override;
  std::size_t fail_outbox(const std::string& token, std::span<const outbox_failure> failures) override;
  outbox_state read_outbox_state() override;
  std::vector<message_aside> list_aside(set_aside which, std::int64_t offset, std::int64_t limit) override;
  std::size_t resend_outbox(std::span<const std::int64_t> sequences) override;

  std::vector<int> lease_slots(const std::string& owner, std::size_t most, std::chrono::milliseconds lease) override;
  void release_slots(const std::string& owner) override;
  void hand_to(std::shared_ptr<hand_over_target> to) override;

  bool was_handled(const inbox_key& key) override;
  int count_start(const inbox_key& key, int presumed) override;
  void take_back_start(const inbox_key& key) override;
  void forget_starts(const inbox_key& key) override;

  std::vector<delayed_message> claim_due(const due_request& request) override;
  void release_due(const std::string& token) override;
  std::optional<std::chrono::milliseconds> next_due() override;
  bool wait_behind(const delayed_message& row) override;

  std::vector<waiting_message> list_delayed(const delayed_filter& filter, std::int64_t offset, std::int64_t limit) override;
  std::int64_t count_delayed(const delayed_filter& filter) override;

  job_list list_jobs() override;

  std::vector<error_record> list_errors(std::int64_t offset, std::int64_t limit) override;
  std::optional<error_record> load_error(std::string_view id) override;
  std::int64_t count_errors() override;
  bool clean(const retention& keep) override;
  void on_commit(std::function<void(written_rows)> wake) override;
  void check() override;

  std::optional<document> load(const collection& from, std::string_view id) override;
  std::vector<document> find(const collection& in, const document_query& query) override;
  std::int64_t count(const collection& in, std::span<const column_condition> where) override;

 private:
  using key_type = std::tuple<std::string, std::string, std::string>;
  static key_type place_of(const inbox_key& key) { return {key.subscription, key.message_id, key.tenant}; }
  struct delayed_row {
    delayed_message row;
    std::chrono::nanoseconds due{};
    std::string token;
    std::chrono::nanoseconds lease_until{};
    std::int64_t place = 0;  ///< in its key
  };
  struct slot_lease {
    int owner = 0;  ///< number of its name; 0: free
    std::chrono::nanoseconds until{};
  };
  struct operation;  // guards, and runs `before` and `after`

  void insert_outbox(const envelope& message, hand_over& handing, std::chrono::nanoseconds now);
  void refuse_taken(const change_set& changes) const;
  void apply_documents(const change_set& changes);
  bool stands_behind(const delayed_row& row) const;
  void put(const delayed_message& row);
  int number_of(const std::string& owner);
  bool claimable(const outbox_row& row, std::chrono::nanoseconds at, std::chrono::milliseconds lease) const;
  bool is_followed(std::int64_t sequence, const std::string& key) const;
  bool holds_slot(const std::string& owner, const std::string& key, std::chrono::nanoseconds at) const;

  clock_function clock_;
  mutable std::mutex mutex_;
  std::function<void(written_rows)> wake_;
  hand_over_slot taker_;
  std::int64_t next_sequence_ = 0;
  std::int64_t next_token_ = 0;
  std::int64_t next_place_ = 0;
  std::size_t commits_ = 0;
  std::map<std::int64_t, outbox_row> outbox_;
  std::map<std::string, int> owners_;
  std::vector<slot_lease> slots_;
  std::map<key_type, std::chrono::nanoseconds> inbox_;
  std::map<key_type, int> starts_;
  std::map<std::string, delayed_row> delayed_;
  std::map<std::string, error_record> errors_;
  std::map<std::string, job_row> jobs_;
  std::map<std::string, std::map<std::string, document, std::less<>>> documents_;
};

}  // namespace mamey::testing
