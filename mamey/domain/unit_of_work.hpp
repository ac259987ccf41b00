#pragma once

/// @file
/// For the framework.
/// The reads and changes of one handler. Reads are consistent. Writes are recorded; the code that runs the handler applies them together
/// after the handler has returned. There is one per run of a handler, used by one fiber.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <mamey/core/time.hpp>
#include <mamey/domain/aggregate.hpp>
#include <mamey/domain/document.hpp>
#include <mamey/domain/message.hpp>
#include <mamey/domain/sql_rows.hpp>

namespace mamey::inline v1 {

/// A command of this module, to be handled later.
struct scheduled_message {
  recorded_message message;
  std::chrono::milliseconds delay{};
};

/// A command that waits in the store, and the rows that are read for it.
struct delayed_entry {
  std::string id;
  std::string body;  ///< JSON
  timestamp due{};
  bool running = false;  ///< claimed: it is being handled, or is about to be
};

/// Finds delayed commands of the ambient tenant.
class delayed_reader {
 public:
  virtual ~delayed_reader() = default;
  /// The earliest first.
  virtual std::vector<delayed_entry> list(const message_info& command, std::string_view key, std::int64_t most) = 0;
};

/// How a unit handles a row that cannot be read, in a list or scroll.
struct unreadable_rows {
  bool refused = false;  ///< the list fails, as `find` does; otherwise the row is left out
  /// Called with the rows that one call left out, and the error of the first.
  std::function<void(const collection& in, std::span<const std::string> ids, std::string_view reason)> left_out;
};

class unit_of_work {
 public:
  /// How many documents may be sorted by a member that has no column.
  static constexpr std::int64_t most_sorted_here = 1000;

  /// Both outlive it; without `unreadable`, rows that cannot be read are left out silently.
  explicit unit_of_work(document_reader& reader, const unreadable_rows* unreadable = nullptr) : reader_(&reader), unreadable_(unreadable) {}
  unit_of_work(const unit_of_work&) = delete;
  unit_of_work& operator=(const unit_of_work&) = delete;

  // Reads see what this unit has recorded. After an `update_where` or `remove_where` on a collection they throw `internal_error`
  // (`changed_in_bulk`), because what it will change is known only when it is applied.
  std::optional<document> load(const collection& from, std::string_view id);
  /// Throws validation_error for an order by a member without a column where more than `most_sorted_here` documents would have to be
  /// sorted.
  std::vector<document> find(const collection& in, const document_query& query);
  std::int64_t count(const collection& in, std::span<const column_condition> where);

  /// Records a change. Throws concurrency_conflict when it contradicts an earlier change of this unit: two copies of one aggregate saved
  /// one after the other (a lost update), an id added twice, a removed aggregate saved. Throws `internal_error` (`only_reads`) in a unit
  /// that only reads, as all functions that record do. `update_where` and `remove_where` are applied after the changes recorded before and
  /// before those recorded after.
  void write(document_write change);
  /// Records a plain statement. Throws as `sql` does.
  void execute(sql_statement statement);
  /// Records a domain event of this module.
  void raise(recorded_message event);
  /// Records a message that leaves the module.
  void publish(recorded_message message);
  /// Records a command of this module to be handled later, at least `delay` after the commit.
  void schedule(recorded_message command, std::chrono::milliseconds delay);

  /// Records that delayed commands of a type are not to be handled. The commit is refused when one of them has begun meanwhile.
  void cancel_delayed(std::string_view type, std::vector<std::string> ids);

  /// Keeps the changes of this unit's aggregates, and which of them are saved.
  const std::shared_ptr<detail::unsaved_changes>& changes();

  /// The store's own reader: it does not see recorded changes.
  document_reader& reader() noexcept { return *reader_; }
  /// Plain SQL of the store. Throws `internal_error` (`no_sql`) where the store offers none.
  sql_reader& sql() const;
  const unreadable_rows* unreadable() const noexcept { return unreadable_; }
  delayed_reader* delayed() const noexcept { return delayed_; }  ///< null: there is no store

  // For the code that runs the handler.
  void only_read(std::string_view handler) {
    only_reads_ = handler;
  }  ///< `handler` is named in the error when it records nevertheless; the text outlives the unit
  std::optional<recorded_message> take_raised();  ///< the oldest domain event not yet taken
  std::vector<document_write> take_writes();      ///< the changes for the store, in order; the unit has none afterwards
  std::vector<sql_statement>& statements() noexcept { return statements_; }
  std::vector<recorded_message>& published() noexcept { return published_; }
  std::vector<scheduled_message>& scheduled() noexcept { return scheduled_; }
  std::vector<std::string>& cancelled_delayed() noexcept { return cancelled_; }
  void find_delayed_with(delayed_reader& reader) noexcept { delayed_ = &reader; }  ///< it outlives the unit
  /// The first change of an aggregate that has ended, and that no copy of it has saved.
  std::optional<detail::unsaved_changes::lost> take_lost_change();

 private:
  /// All changes of one row. The first recorded change gives the state that the store must have (`change.kind`, `change.expected_version`),
  /// the last one the state that it will have.
  struct row_change {
    document_write change;
    bool removed = false;
  };
  using rows_by_id = std::unordered_map<std::string, std::size_t>;  ///< id_key ⇒ place in changes_

  row_change* recorded(const collection& in, std::string_view id);
  std::vector<document> with_own(std::vector<document> found, const collection& in, const document_query& query, const rows_by_id& own);
  std::vector<document> find_unindexed(const collection& in, const document_query& query);
  void require_recording(std::string_view what) const;
  void require_readable(const collection& in) const;
  void write_bulk(document_write change);

  document_reader* reader_;
  const unreadable_rows* unreadable_;
  std::string_view only_reads_;
  std::vector<row_change> changes_;
  std::unordered_map<const collection*, rows_by_id> by_id_;
  std::vector<const collection*> changed_in_bulk_;  ///< rarely any
  std::vector<sql_statement> statements_;
  std::deque<recorded_message> raised_;
  std::shared_ptr<detail::unsaved_changes> unsaved_;
  std::vector<recorded_message> published_;
  std::vector<scheduled_message> scheduled_;
  std::vector<std::string> cancelled_;
  delayed_reader* delayed_ = nullptr;
};

/// For a handler that sends messages itself (events of aggregates are published automatically). It records the messages; the outbox sends
/// them.
class publisher {
 public:
  explicit publisher(unit_of_work& unit) : unit_(&unit) {}

  /// `key`: messages of one key are delivered in order where the transport is configured so.
  template <class Message>
  void publish(Message message, std::string key = {}) {
    auto recorded = record(std::move(message));
    recorded.key = std::move(key);
    unit_->publish(std::move(recorded));
  }

  /// Sends a command to the module that takes it from the bus (`module::subscribes`). A command that no queue takes is tried again, then
  /// parked.
  template <class Command>
  void send(Command command, std::string key = {}) {
    static_cast<void>(&detail::is_sent<Command>);
    auto recorded = record(std::move(command));
    recorded.key = std::move(key);
    recorded.is_command = true;
    unit_->publish(std::move(recorded));
  }

  /// Schedules a command of this module, for at least `delay` after the commit. Durable and delivered at least once; its effects in the
  /// database are applied once. `key`: `delayed_messages` finds and cancels it by its type and this key.
  template <class Command>
  void send_later(Command command, std::chrono::milliseconds delay, std::string key = {}) {
    static_cast<void>(&detail::is_dispatched<Command>);
    auto recorded = record(std::move(command));
    recorded.key = std::move(key);
    unit_->schedule(std::move(recorded), delay);
  }

 private:
  unit_of_work* unit_;
};

/// Plain SQL. Reads use a snapshot; writes are recorded and applied with the unit of work.
class database {
 public:
  explicit database(unit_of_work& unit) : unit_(&unit) {}

  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) { unit_->sql().query(statement, each); }
  void execute(sql_statement statement) { unit_->execute(std::move(statement)); }

  /// Rows as a reflected struct, by the names of the columns (`customer_id` or `customerId`, in any case), or the one column as a value:
  /// `db.query<BookDto>("select id, title, price from books where author = ?", author)`. Parameters are values of any reflected type.
  /// Throws `internal_error`: `row_mismatch` for a column without a member, or a member without a column; `column_mismatch` for a value that
  /// the member cannot have, null included.
  template <class T, detail::sql_text Text, class... Values>
  std::vector<T> query(const Text& text, const Values&... values) {
    return query<T>(detail::statement_of(text, values...));
  }
  template <class T>
  std::vector<T> query(const sql_statement& statement) {
    return detail::rows_of<T>([&](const auto& each) { query(statement, each); });
  }
  /// `db.execute("insert into books (id, price) values (?, ?)", id, price)`
  template <detail::sql_text Text, class... Values>
  void execute(const Text& text, const Values&... values) {
    unit_->execute(detail::statement_of(text, values...));
  }

 private:
  unit_of_work* unit_;
};

}  // namespace mamey::inline v1
