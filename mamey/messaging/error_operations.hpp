#pragma once

/// @file
/// For services.
/// Operations on failed messages: list, show, retry, discard. Every function may suspend.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/error_store.hpp>
#include <mamey/messaging/inbox_store.hpp>
#include <mamey/messaging/unit_store.hpp>

namespace mamey::inline v1 {

class store;

enum class retry_mode : std::uint8_t {
  keep_id,  ///< the same message again; refused when its handler has handled it meanwhile
  force,    ///< as a new message with a new id: its effects may happen a second time
};

struct error_page {
  std::vector<error_record> records;
  std::int64_t total = 0;
};

class error_operations {
 public:
  /// Three roles of one store, which outlive it.
  error_operations(error_store& records, inbox_store& handled, unit_store& units) : records_(records), handled_(handled), units_(units) {}
  explicit error_operations(store& of);

  /// Oldest first; `limit` is clamped to 1 … 1000.
  error_page list(std::int64_t offset, std::int64_t limit);
  /// Throws not_found.
  error_record show(std::string_view id);
  /// Hands the message to the handler that failed, and to no other. It runs soon, and once even after several calls; the record is removed.
  /// Returns the message's id. Throws not_found, and conflict (`already_handled`) when an earlier retry has handled it.
  std::string retry(std::string_view id, retry_mode mode = retry_mode::keep_id);
  /// Removes the record; the message is not handled. Throws not_found.
  void discard(std::string_view id);

 private:
  error_store& records_;
  inbox_store& handled_;
  unit_store& units_;
};

}  // namespace mamey::inline v1
