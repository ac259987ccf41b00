#pragma once

#include <memory>

#include <mamey/observability/logging.hpp>

namespace mamey::inline v1::detail {

/// Standard output, in colours when it is a terminal. When the reader stops reading, the sink waits one second; then lines are lost
/// (`unavailable`, once per batch) until the reader continues.
std::shared_ptr<log_sink> make_console_sink(const log_console_options& options, int descriptor = 1);

/// A file that a new one follows at each interval and at the size limit. Its time is the records': what belongs to yesterday is in
/// yesterday's file. While a file cannot be opened, writing throws `unavailable`, and tries again.
std::shared_ptr<log_sink> make_file_sink(const log_file_options& options, std::chrono::sys_time<std::chrono::microseconds> now);

}  // namespace mamey::inline v1::detail
