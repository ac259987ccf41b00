#pragma once

/// @file
/// What people do with messages that could not be handled: list, show, retry, discard. Every function may suspend.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/store.hpp>

namespace mamey::inline v1 {

enum class retry_mode : std::uint8_t {
  keep_id,  ///< the same message again; refused when its handler has completed it meanwhile
  force,    ///< as a new message with a new id: its effects may happen a second time
};

struct error_page {
  std::vector<error_record> records;
  std::int64_t total = 0;
};

class error_operations {
 public:
  explicit error_operations(store& of) : store_(of) {}

  /// Oldest first; `limit` is clamped to 1 … 1000.
  error_page list(std::int64_t offset, std::int64_t limit);
  /// Throws not_found.
  error_record show(std::string_view id);
  /// Hands the message to the handler that failed, and to no other, soon and once however often this is called; the record goes. Returns
  /// the message's id. Throws not_found, and conflict (`already_handled`) when it was completed by an earlier retry.
  std::string retry(std::string_view id, retry_mode mode = retry_mode::keep_id);
  /// Removes the record; the message is not handled. Throws not_found.
  void discard(std::string_view id);

 private:
  store& store_;
};

}  // namespace mamey::inline v1
