#pragma once

/// @file
/// The transaction of a handler, which hears of what else its fiber waits for.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <mamey/messaging/document_store.hpp>
#include <mamey/runtime/wait_watch.hpp>

namespace mamey::inline v1::detail {

/// Hears of the waits while it is open: from its begin, which takes a connection (on SQLite the only writer), to its end. A statement of its
/// own is no such wait.
class watched_transaction final : public store_transaction, public wait_watch {
 public:
  /// Returns what the handler is refused with; null: nothing.
  using listener = std::function<std::exception_ptr(const std::string& what)>;
  watched_transaction(std::unique_ptr<store_transaction> inner, listener hear)
      : inner_(std::move(inner)), hear_(std::move(hear)), watched_(this) {}

  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) override {
    work([&] { inner_->query(statement, each); });
  }
  std::int64_t execute(const sql_statement& statement) override {
    return work([&] { return inner_->execute(statement); });
  }
  std::optional<document> load(const collection& from, std::string_view id) override {
    return work([&] { return inner_->load(from, id); });
  }
  std::vector<document> find(const collection& in, const document_query& query) override {
    return work([&] { return inner_->find(in, query); });
  }
  std::int64_t count(const collection& in, std::span<const column_condition> where) override {
    return work([&] { return inner_->count(in, where); });
  }
  bool cuts_times() const noexcept override { return inner_->cuts_times(); }
  void commit(const change_set& changes) override {
    work([&] { inner_->commit(changes); });
  }
  void rollback() noexcept override {
    const watched_waits unseen(nullptr);
    inner_->rollback();
  }

  /// For a handler that caught what it was refused with.
  void throw_if_refused() const {
    if (refused_) std::rethrow_exception(refused_);
  }

 private:
  template <class Work>
  std::invoke_result_t<Work> work(Work with_inner) {
    const watched_waits unseen(nullptr);
    return with_inner();
  }
  std::exception_ptr waits(std::string_view what, std::string_view object) noexcept override {
    const watched_waits unseen(nullptr);
    try {
      auto refused = hear_(std::string(what).append(object));
      if (!refused_) refused_ = refused;
      return refused;
    } catch (const std::exception&) {  // no memory: a warning less
      return nullptr;
    }
  }

  std::unique_ptr<store_transaction> inner_;
  listener hear_;
  std::exception_ptr refused_;
  watched_waits watched_;
};

}  // namespace mamey::inline v1::detail
