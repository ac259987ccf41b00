#pragma once

/// @file
/// For providers and the framework.
/// The seam between subscriptions (this folder) and the pipeline that runs handlers (cqrs). It defines which side commits what.
///
/// The pipeline commits a success. `message_handler::handle` runs behaviours and the unit of work and commits once, with
/// `handling_context::seal(changes)` applied to the change set (or `sql_store::begin(context.inbox, …)` for an interactive unit). So the inbox
/// row, the effects and the outbox rows are one transaction, and `already_handled` means that nothing of it was applied. A handler without
/// changes still commits the sealed, otherwise empty change set. `handle` returns only after that commit.
///
/// The subscription commits a failure. When `handle` throws, nothing may have been committed. The subscription classifies the exception
/// (`describe`, `is_transient`), retries, stores a delayed retry, or ends the message in a second transaction: inbox row, rejected event,
/// error record. Then the delivery is acknowledged.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/failure_plan.hpp>
#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

enum class handling_result : std::uint8_t {
  committed,        ///< effects and inbox row are durable
  already_handled,  ///< the inbox row existed: nothing was applied
  busy,             ///< another instance handles it now (message_busy): nothing was begun, the message comes again, no attempt is counted
};

/// The facts about the delivery that the pipeline needs, and the rows that it must add to its commit.
struct handling_context {
  std::string handler;                        ///< the handler's stable name
  std::optional<inbox_key> inbox;             ///< row to insert with the effects; empty: the message has no id, or the module no store
  std::vector<std::string> finished_delayed;  ///< delayed rows that the same commit ends
  int attempt = 1;                            ///< number of this attempt of the handler for this message, from 1
  bool redelivered = false;
  injected_faults faults;  ///< tests only

  /// Adds inbox row and finished rows to the unit of work's changes.
  void seal(change_set& changes) const;
};

/// The handling of a failed message beyond retries: FailedMessage of .NET Mamey (Convey).
struct failure_answer {
  std::optional<envelope>
      rejected;  ///< event to publish, in the failure's transaction; its id is derived from (message id, handler), correlation is filled in
  bool retry = true;                ///< false: no retries for this failure, even when it is transient
  bool keep_in_error_store = true;  ///< false: the rejected event is enough
};

/// One handler of a subscription.
struct message_handler {
  std::string name;                  ///< stable and unique in the module: the inbox key. No '#' in it. Renaming it needs an alias
  std::vector<std::string> aliases;  ///< earlier names whose inbox rows still count
  /// Runs in a fiber of a worker loop, with the ambient context of the message (correlation, trace, tenant, deadline, cancellation). See
  /// the file comment.
  std::function<handling_result(const envelope& message, handling_context& context)> handle;
  /// Optional: called after each failed attempt, with the ambient context of the message. Must not commit. An exception is logged and
  /// counts as no answer.
  std::function<failure_answer(const envelope& message, const error_report& error)> on_failure;
  std::shared_ptr<const failure_plan> plan = {};  ///< its reactions to failures; null: the retries of the options, for all errors
};

/// Messages of one type from one queue, for the handlers of one module.
struct subscription {
  std::string name;          ///< stable and unique in the module, for people and metrics
  std::string message_type;  ///< the type of messages without a type header
  std::string exchange;
  std::string routing_key;
  std::string queue;
  std::string earlier_queue = {};  ///< the earlier name of the queue, see queue_declaration
  int reader_version = 1;          ///< newest version of the type the handlers understand
  bool ordered = false;            ///< one message per key at a time, in order; a failing message keeps its place while it is retried
  bool foreign_exchange = true;
  std::vector<message_handler> handlers;
};

/// A stable id that is derived from another: equal inputs give equal ids (32 hexadecimal digits).
std::string derived_id(std::string_view message_id, std::string_view handler);

}  // namespace mamey::inline v1
