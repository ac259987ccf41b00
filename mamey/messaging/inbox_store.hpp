#pragma once

/// @file
/// For providers and the framework: the inbox role of a store. It records which messages were handled, and counts starts.

#include <string>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {

/// The message that a unit of work handles, with the subscription's stable name. Ids are unique within a tenant: two tenants may use the
/// same id.
struct inbox_key {
  std::string subscription;
  std::string message_id;
  std::string tenant = {};
};

/// Another instance handles the message now: nothing was begun, and this is no error. The message comes again later, and no attempt is
/// counted.
class message_busy : public unavailable {
 public:
  explicit message_busy(const inbox_key& key)
      : unavailable("message_busy", "message {} is being handled by {} elsewhere just now", key.message_id, key.subscription) {}
};

/// The inbox of one module: which handler has handled which message, and how often it was started. The rows themselves are inserted by the
/// commit of a unit of work (`change_set::inbox`). Times, suspension and errors: see store.hpp.
class inbox_store {
 public:
  virtual ~inbox_store() = default;
  /// Whether a unit of work with this key was committed.
  virtual bool was_handled(const inbox_key& key) = 0;
  /// Counts a start before the work, durably; returns the number with this one. `presumed`: the number of starts before the first one that
  /// is counted here, at least 0.
  virtual int count_start(const inbox_key& key, int presumed) = 0;
  /// Takes one start back: the message is not the cause of its end.
  virtual void take_back_start(const inbox_key& key) = 0;
  /// The last start has an outcome: counting begins again at 0. No effect when no start was counted.
  virtual void forget_starts(const inbox_key& key) = 0;
};

}  // namespace mamey::inline v1
