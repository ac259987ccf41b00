#pragma once

/// @file
/// For providers and the framework: the error role of a store. It keeps failed messages.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/messaging/envelope.hpp>
#include <mamey/messaging/inbox_store.hpp>
#include <mamey/runtime/event_loop.hpp>

namespace mamey::inline v1 {

/// A failed message, kept for the operator.
struct error_record {
  std::string id;  ///< of this record
  inbox_key key;
  envelope message;
  std::string error_code;
  std::string error_reason;
  int attempts = 0;
  wall_time first_failed_at{};
  wall_time failed_at{};
};

/// The failed messages of one module. Records are added and removed by the commit of a unit of work (`change_set::errors`,
/// `change_set::finished_errors`). Times, suspension and errors: see store.hpp.
class error_store {
 public:
  virtual ~error_store() = default;
  /// Oldest first.
  virtual std::vector<error_record> list_errors(std::int64_t offset, std::int64_t limit) = 0;
  virtual std::optional<error_record> load_error(std::string_view id) = 0;
  virtual std::int64_t count_errors() = 0;
};

}  // namespace mamey::inline v1
