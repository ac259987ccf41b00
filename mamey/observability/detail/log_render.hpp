#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/observability/logging.hpp>

namespace mamey::inline v1::detail {

/// What the options say about every record, prepared once.
class log_policy {
 public:
  explicit log_policy(const log_options& options = {});

  /// Names the values by the holes, redacts, renders the message, adds the tags. False when the record is excluded.
  bool complete(log_record& record) const;

 private:
  bool excludes(const log_record& record) const;
  bool redacts(std::string_view name) const;

  std::vector<std::string> redacted_;
  std::vector<std::string> excluded_properties_;
  std::vector<std::string> excluded_paths_;
  std::shared_ptr<const std::vector<log_value>> tags_;
};

/// An owning copy; texts are cut at 16 KiB.
log_value copy_value(std::string_view name, const text_argument& argument);

/// Where the level stands in a human line, for colouring.
inline constexpr std::size_t human_level_begin = 24, human_level_end = 27;

/// `2026-01-31 12:00:00.123 INF [orders] mamey.outbox: message  correlationId=…`, without a line end. Control characters
/// of every kind (C1, bidi, line separators) and what is no UTF-8 are written as escapes: a value can neither forge a line nor command a terminal.
void append_human_line(std::string& out, const log_record& record);

/// One JSON object, without a line end: time, level, category, message, template, the context's values, the tags, then the holes in
/// `values`.
void append_json_line(std::string& out, const log_record& record);

}  // namespace mamey::inline v1::detail
