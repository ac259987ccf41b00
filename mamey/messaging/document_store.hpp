#pragma once

/// @file
/// For providers and the framework: the documents of a store, and plain SQL where the store offers it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <mamey/domain/document.hpp>
#include <mamey/domain/transaction.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

/// An open transaction: documents and plain SQL are read and written in it.
class store_transaction : public document_reader, public transaction {
 public:
  transaction* sql() noexcept final { return this; }
  /// Applies the recorded changes inside this transaction and commits. `already_handled` cannot happen, because the inbox row was inserted
  /// first.
  virtual void commit(const change_set& changes) = 0;
  virtual void rollback() noexcept = 0;
};

/// Plain SQL, for handlers that ask for `mamey::database&` or `mamey::transaction&`. Optional: a store without SQL does not implement it,
/// and such handlers are refused at the start.
class sql_store : public sql_reader {
 public:
  /// Begins an interactive unit. With `inbox`, its row is inserted first; returns null when the row exists. While another unit of the same
  /// key is open, in this process or another, it throws message_busy, or waits for that unit's end (where writers wait for each other
  /// anyway). Two units of one key are never open at the same time.
  virtual std::unique_ptr<store_transaction> begin(const std::optional<inbox_key>& inbox, std::chrono::milliseconds bound) = 0;
};

/// The documents of one module, read and written. Times, suspension and errors: see store.hpp.
class document_store : public document_reader, public unit_store {
 public:
  /// Creates or migrates the framework's tables and those of `collections`.
  virtual void prepare(std::span<const collection* const> collections) = 0;
  /// Null: the store offers no SQL. The answer never changes, and may be asked for before `prepare`.
  sql_store* sql() noexcept override { return nullptr; }
};

}  // namespace mamey::inline v1
