#pragma once

/// @file
/// For providers and the framework: the database of one module, which is all roles together. A part of the framework that needs one role
/// takes that role alone and includes its header. Persistence providers implement `store`.
///
/// | role | what it keeps | header |
/// |---|---|---|
/// | `document_store` | documents; plain SQL where it is offered | document_store.hpp |
/// | `unit_store` | the commit of a unit of work, for all roles | unit_store.hpp |
/// | `outbox_store` | committed messages until they are confirmed | outbox_store.hpp |
/// | `inbox_store` | handled messages, and starts | inbox_store.hpp |
/// | `delayed_store` | messages for later | delayed_store.hpp |
/// | `error_store` | failed messages | error_store.hpp |
/// | `job_store` | recurring jobs | job_store.hpp |
/// | `store_upkeep` | nothing: it deletes what is past its retention | store_upkeep.hpp |
///
/// Every function may suspend. It throws `unavailable` when the database is away, and `deadline_exceeded` when the deadline has passed.
/// Times are compared with the store's own clock: callers pass durations, never points in time.

#include <functional>

#include <mamey/messaging/delayed_store.hpp>
#include <mamey/messaging/document_store.hpp>
#include <mamey/messaging/error_store.hpp>
#include <mamey/messaging/inbox_store.hpp>
#include <mamey/messaging/job_store.hpp>
#include <mamey/messaging/outbox_store.hpp>
#include <mamey/messaging/store_upkeep.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

/// One module's database. A store with plain SQL derives from `sql_store` as well and returns itself from `sql()`.
class store : public document_store,
              public outbox_store,
              public inbox_store,
              public delayed_store,
              public error_store,
              public job_store,
              public store_upkeep {
 public:
  /// Called after a commit that wrote outbox rows or delayed rows: wakes those who wait for them in this process. Set once at start; may be
  /// called from any thread.
  virtual void on_commit(std::function<void(written_rows)> wake) = 0;
  /// Throws when the store cannot serve. For health.
  virtual void check() = 0;
};

}  // namespace mamey::inline v1
