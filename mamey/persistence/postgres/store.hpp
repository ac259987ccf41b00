#pragma once

/// @file
/// For the framework.
/// A module's database on a PostgreSQL server (14 or newer).

#include <memory>
#include <string>
#include <vector>

#include <mamey/messaging/store.hpp>
#include <mamey/persistence/postgres/options.hpp>

namespace mamey::inline v1 {

/// Every statement waits on the event loop of its caller; reads of many fibers share connections, pipelined. A unit of work is one round
/// trip. Callable from any fiber and thread; a plain thread blocks where a fiber would suspend.
class postgres_store final : public store, public sql_store {
 public:
  /// Connects when it is first used. Throws `unavailable` when the options or the connection string are wrong.
  explicit postgres_store(const postgres_options& options, postgres_environment environment = {});
  /// No call may be running; open interactive transactions are rolled back.
  ~postgres_store() override;

  /// In addition to `document_store::prepare`: makes the schema, applies migrations, and takes over the tables of a .NET service where this is
  /// configured. Throws `unavailable` when a step is refused.
  void prepare(std::span<const collection* const> collections) override;
  /// A dry run: applies the migrations that are missing, ours and the service's, and undoes them. Returns their names (`service 2 prices`);
  /// throws as `prepare` would. A migration that needs the table of a collection can be tried once that is there.
  std::vector<std::string> try_migrations();

  std::optional<document> load(const collection& from, std::string_view id) override;
  std::vector<document> find(const collection& in, const document_query& query) override;
  std::int64_t count(const collection& in, std::span<const column_condition> where) override;
  /// `?` or `$1` for parameters, whose types the server infers. The session is read-only. The rows are fetched first and handed to `each`
  /// on the caller's fiber; more than `query_bytes` of them is `result_too_large`, and they are dropped while they come.
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override;
  bool cuts_times() const noexcept override;
  sql_store* sql() noexcept override { return this; }

  /// The store counts versions: an insert is version 1, an update `expected_version` + 1. To update or remove what is gone is a
  /// concurrency_conflict (to remove it from an unversioned collection is nothing). After a deadlock or serialization failure the unit is
  /// applied again a few times. A deadline takes it back only while it waits for a connection.
  commit_outcome commit(const change_set& changes) override;
  /// Throws message_busy when another process handles the message just now. Past `bound` the transaction is rolled back
  /// and says `deadline_exceeded`. After a refused statement PostgreSQL runs no other in it.
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
  /// `wake` runs where the commit was called, before it returns: it must not suspend, block or throw. Once replaced (by an empty one, say),
  /// the old one is not running any more.
  void on_commit(std::function<void(written_rows)> wake) override;
  /// Throws when the server does not answer, or takes no writes.
  void check() override;

  postgres_statistics statistics() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace mamey::inline v1
