#pragma once

/// @file
/// For the framework.
/// A module's database in one SQLite file.

#include <memory>

#include <mamey/messaging/store.hpp>
#include <mamey/persistence/sqlite/options.hpp>

namespace mamey::inline v1 {

/// Units of work are committed in groups by one thread of the store: under load many share one sync of the disk, and each is durable when
/// its answer leaves. Reads use snapshots and never wait for a write. Callable from any fiber and thread; a plain thread blocks where a
/// fiber would suspend.
class sqlite_store final : public store, public sql_store {
 public:
  /// Opens the file, making it and its folder. Throws `unavailable` naming file and cause.
  explicit sqlite_store(const sqlite_options& options, sqlite_environment environment = {});
  /// Commits the queued units. No call may be running; open interactive transactions are rolled back.
  ~sqlite_store() override;

  /// In addition to `document_store::prepare`: applies migrations. Throws `unavailable` when a step is refused.
  void prepare(std::span<const collection* const> collections) override;

  std::optional<document> load(const collection& from, std::string_view id) override;
  std::vector<document> find(const collection& in, const document_query& query) override;
  std::int64_t count(const collection& in, std::span<const column_condition> where) override;
  /// The rows are fetched first and handed to `each` on the caller's fiber; more than `query_bytes` of them is `result_too_large`.
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override;
  bool cuts_times() const noexcept override;
  sql_store* sql() noexcept override { return this; }

  /// The store counts versions: an insert is version 1, an update `expected_version` + 1. To update or remove a missing row is a
  /// concurrency_conflict (removing it from an unversioned collection has no effect).
  commit_outcome commit(const change_set& changes) override;
  /// The transaction has the writer alone, and other writers wait, so `bound` is short. After it the transaction is rolled back and throws
  /// `deadline_exceeded`.
  std::unique_ptr<store_transaction> begin(const std::optional<inbox_key>& inbox, std::chrono::milliseconds bound) override;

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
  /// `wake` runs on the store's thread, before the commit is answered: it must not suspend, block or throw. After it is replaced (for
  /// example by an empty one), the old one is not running any more.
  void on_commit(std::function<void(written_rows)> wake) override;
  /// After a write failed because of the disk, tries a small write: throws until the disk accepts it.
  void check() override;

  sqlite_statistics statistics() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
