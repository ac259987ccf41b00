#pragma once

/// @file
/// The seam between subscriptions (this folder) and whoever runs handlers (cqrs): who commits what.
///
/// Success is the handler side's: `message_handler::handle` runs behaviours and the unit of work and commits once, with
/// `handling_context::seal(changes)` applied to the change set (or `store::begin(context.inbox, …)` for an interactive unit). So the inbox
/// row, the effects and the outbox rows are one transaction, and `already_handled` means nothing of it was applied. A handler that changed
/// nothing still commits the sealed, otherwise empty change set. `handle` returns only after that commit.
///
/// Failure is this folder's: when `handle` throws, nothing may have been committed. The subscription classifies the exception (`describe`,
/// `is_transient`), retries, stores a delayed retry, or ends the message in a second transaction of its own: inbox row, rejected event,
/// error record. Then the delivery is acknowledged.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/core/error.hpp>
#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/faults.hpp>
#include <mamey/messaging/store.hpp>

namespace mamey::inline v1 {

enum class handling_result : std::uint8_t {
  committed,        ///< effects and inbox row are durable
  already_handled,  ///< the inbox row was there: nothing was applied
  busy,             ///< somebody else handles it just now (message_busy): nothing was begun, the message comes again, no attempt is counted
};

/// What the handler side needs to know of the delivery, and must put into its commit.
struct handling_context {
  std::string handler;                        ///< the handler's stable name
  std::optional<inbox_key> inbox;             ///< row to insert with the effects; empty: the message has no id, or the module no store
  std::vector<std::string> finished_delayed;  ///< delayed rows the same commit ends
  int attempt = 1;                            ///< tries of this message by this handler, this one included
  bool redelivered = false;
  injected_faults faults;  ///< tests only

  /// Adds inbox row and finished rows to the unit of work's changes.
  void seal(change_set& changes) const;
};

/// What to do about a failed message beyond retrying: the reference's FailedMessage.
struct failure_answer {
  std::optional<envelope>
      rejected;  ///< event to publish, in the failure's transaction; its id is derived from (message id, handler), correlation is filled in
  bool retry = true;                ///< false: no retries for this failure, even when it looks transient
  bool keep_in_error_store = true;  ///< false: the rejected event says it all
};

/// One handler of a subscription.
struct message_handler {
  std::string name;                  ///< stable and unique in the module: the inbox key. No '#' in it. Renaming it needs an alias
  std::vector<std::string> aliases;  ///< earlier names whose inbox rows still count
  /// Runs in a fiber of a worker loop, with the ambient context of the message (correlation, trace, tenant, deadline, cancellation). See
  /// the file comment.
  std::function<handling_result(const envelope& message, handling_context& context)> handle;
  /// Optional: asked after each failed try, with the ambient context of the message. Must not commit. Throwing is logged and counts as no answer.
  std::function<failure_answer(const envelope& message, const error_report& error)> on_failure;
};

/// Messages of one type from one queue, for the handlers of one module.
struct subscription {
  std::string name;          ///< stable and unique in the module, for people and metrics
  std::string message_type;  ///< the type messages without a type header have
  std::string exchange;
  std::string routing_key;
  std::string queue;
  int reader_version = 1;  ///< newest version of the type the handlers understand
  bool ordered = false;    ///< one message a key at a time, in order; a failing one keeps its place while it is retried
  bool foreign_exchange = true;
  std::vector<message_handler> handlers;
};

/// A stable id made from another: equal inputs, equal id (32 hexadecimal digits).
std::string derived_id(std::string_view message_id, std::string_view handler);

}  // namespace mamey::inline v1
