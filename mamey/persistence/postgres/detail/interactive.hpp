#pragma once

/// @file
/// The interactive unit of work: a transaction that owns its connection, bounded in time.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <mamey/messaging/document_store.hpp>
#include <mamey/messaging/hand_over.hpp>
#include <mamey/persistence/postgres/detail/changes.hpp>
#include <mamey/persistence/postgres/detail/pool.hpp>

namespace mamey::inline v1::postgres_detail {

struct interactive_settings {
  std::chrono::milliseconds bound{};        ///< how long it may be open
  std::chrono::nanoseconds answer_bound{};  ///< of its COMMIT
  std::size_t query_bytes = 0;
};

class interactive_transaction final : public store_transaction {
 public:
  /// Of the store.
  struct surroundings {
    std::function<std::shared_ptr<hand_over_target>()> taker;
    std::function<void(written_rows)> wake;  ///< after a commit
  };

  /// Null when the message was handled already. Throws message_busy when another process handles it just now.
  static std::unique_ptr<interactive_transaction> begin(pool& from, const document_tables& tables, const std::optional<inbox_key>& inbox,
                                                        const interactive_settings& settings, surroundings around);
  ~interactive_transaction() override { end(); }

  std::optional<document> load(const collection& from, std::string_view id) override;
  std::vector<document> find(const collection& in, const document_query& query) override;
  std::int64_t count(const collection& in, std::span<const column_condition> where) override;
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override;
  bool cuts_times() const noexcept override { return tables_.cuts_times(); }
  std::int64_t execute(const sql_statement& statement) override;
  void commit(const change_set& changes) override;
  void rollback() noexcept override;

 private:
  interactive_transaction(pool::lease on, const document_tables& tables, const interactive_settings& settings, inbox_row inbox,
                          surroundings around);
  step run(step one);
  void require_open();
  void end() noexcept;

  pool::lease on_;
  const document_tables& tables_;
  const interactive_settings settings_;
  const steady_time until_;
  const inbox_row inbox_;
  const surroundings around_;
  enum class phase : std::uint8_t { open, failed, over } phase_ = phase::open;
};

/// Sends what commits, waits masked, and tells what became of it. Throws `commit_unknown` when nobody knows.
void run_commit(connection& on, const exchange_ptr& work, std::chrono::nanoseconds bound);

}  // namespace mamey::inline v1::postgres_detail
