#pragma once

/// @file
/// What one handler reads and changes. Reads are consistent; writes are recorded and applied together, after the handler, by whoever runs it.
/// One a handler run, used by one fiber.

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/domain/document.hpp>
#include <mamey/domain/message.hpp>

namespace mamey::inline v1 {

/// A command of this module, to be handled later.
struct scheduled_message {
  recorded_message message;
  std::chrono::milliseconds delay{};
};

class unit_of_work {
 public:
  explicit unit_of_work(document_reader& reader) : reader_(&reader) {}
  unit_of_work(const unit_of_work&) = delete;
  unit_of_work& operator=(const unit_of_work&) = delete;

  // Reads see what this unit has recorded.
  std::optional<document> load(const collection& from, std::string_view id);
  std::vector<document> find(const collection& in, const document_query& query);
  std::int64_t count(const collection& in, std::span<const column_condition> where);

  /// Records a change. Two copies of one aggregate saved one after the other are a lost update: throws concurrency_conflict.
  void write(document_write change);
  /// Records a plain statement.
  void execute(sql_statement statement) { statements_.push_back(std::move(statement)); }
  /// Records a domain event of this module.
  void raise(recorded_message event) { raised_.push_back(std::move(event)); }
  /// Records a message that leaves the module.
  void publish(recorded_message message) { published_.push_back(std::move(message)); }

  /// Records a command of this module to be handled later, at least `delay` after the commit.
  void schedule(recorded_message command, std::chrono::milliseconds delay) { scheduled_.push_back({std::move(command), delay}); }

  /// The reader beneath: recorded changes are not seen.
  document_reader& reader() noexcept { return *reader_; }

  // For the one who runs the handler.
  std::optional<recorded_message> take_raised();  ///< the oldest domain event not yet taken
  std::vector<document_write>& writes() noexcept { return writes_; }
  std::vector<sql_statement>& statements() noexcept { return statements_; }
  std::vector<recorded_message>& published() noexcept { return published_; }
  std::vector<scheduled_message>& scheduled() noexcept { return scheduled_; }

 private:
  document_write* recorded(const collection& in, std::string_view id);

  document_reader* reader_;
  std::vector<document_write> writes_;
  std::vector<sql_statement> statements_;
  std::deque<recorded_message> raised_;
  std::vector<recorded_message> published_;
  std::vector<scheduled_message> scheduled_;
};

/// Asked for by a handler that sends messages itself (aggregates' events need nobody): it records, the outbox sends.
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

  /// Sends a command to the module that takes it from the bus (`module::subscribes`). A command that no queue takes is tried again, then parked.
  template <class Command>
  void send(Command command, std::string key = {}) {
    auto recorded = record(std::move(command));
    recorded.key = std::move(key);
    recorded.is_command = true;
    unit_->publish(std::move(recorded));
  }

  /// Has a command of this module handled later: durably, at least once, its effects once. At least `delay` after the commit.
  template <class Command>
  void send_later(Command command, std::chrono::milliseconds delay) {
    unit_->schedule(record(std::move(command)), delay);
  }

 private:
  unit_of_work* unit_;
};

/// Plain SQL for those who want it: reads run on a snapshot, writes are recorded and applied with the unit of work.
class database {
 public:
  explicit database(unit_of_work& unit) : unit_(&unit) {}

  void query(const sql_statement& statement, const std::function<void(const sql_row&)>& each) { unit_->reader().query(statement, each); }
  void execute(sql_statement statement) { unit_->execute(std::move(statement)); }

 private:
  unit_of_work* unit_;
};

}  // namespace mamey::inline v1
