#pragma once

/// @file
/// For the framework.
/// A time zone of the IANA database, as the system has it.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Thread-safe. Copies share the rules, which are read once per name and process.
class time_zone {
 public:
  /// `Europe/Berlin`, `UTC`. Reads a file the first time. Throws `internal_error` (`invalid_schedule`) for a name that the database of the
  /// system does not have.
  explicit time_zone(std::string_view name);

  const std::string& name() const noexcept { return name_; }
  std::chrono::local_seconds to_local(std::chrono::sys_seconds time) const;
  /// A local time that comes twice, when clocks go back, is the first of the two. A local time that never comes, when clocks go forward, is
  /// the first instant after the gap.
  std::chrono::sys_seconds to_utc(std::chrono::local_seconds time) const;

 private:
  struct rules;
  std::string name_;
  std::shared_ptr<const rules> rules_;
};

}  // namespace mamey::inline v1
