#pragma once

/// @file
/// The interactive unit of work as the framework sees it.

#include <functional>
#include <memory>

#include <mamey/messaging/document_store.hpp>
#include <mamey/messaging/hand_over.hpp>
#include <mamey/persistence/sqlite/detail/clock.hpp>
#include <mamey/persistence/sqlite/detail/collections.hpp>
#include <mamey/persistence/sqlite/detail/session.hpp>

namespace mamey::inline v1::sqlite_detail {

class interactive_transaction final : public store_transaction {
 public:
  interactive_transaction(std::shared_ptr<session> open, const document_tables& tables, const store_clock& clock,
                          sqlite_environment::waiting how, std::size_t query_bytes, bool has_inbox_row,
                          std::function<std::shared_ptr<hand_over_target>()> taker)
      : session_(std::move(open)),
        tables_(tables),
        clock_(clock),
        wait_(how),
        query_bytes_(query_bytes),
        has_inbox_row_(has_inbox_row),
        taker_(std::move(taker)) {}
  ~interactive_transaction() override { session_->end(); }

  std::optional<document> load(const collection& from, std::string_view id) override;
  std::vector<document> find(const collection& in, const document_query& query) override;
  std::int64_t count(const collection& in, std::span<const column_condition> where) override;
  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override;
  bool cuts_times() const noexcept override { return tables_.cuts_times(); }
  std::int64_t execute(const sql_statement& statement) override;
  void commit(const change_set& changes) override;
  void rollback() noexcept override { session_->end(); }

 private:
  const std::shared_ptr<session> session_;
  const document_tables& tables_;
  const store_clock& clock_;
  const sqlite_environment::waiting wait_;
  const std::size_t query_bytes_;
  const bool has_inbox_row_;
  const std::function<std::shared_ptr<hand_over_target>()> taker_;
};

}  // namespace mamey::inline v1::sqlite_detail
