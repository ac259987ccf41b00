#pragma once

/// @file
/// For the framework.
/// The second header of W3C Trace Context: what tracing systems on the way want to find again. Opaque here, and of no use without its `traceparent`.

#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// A header's value (of several lines: joined with commas) as it is passed on: word for word, without blanks around. Empty when it is none: a member that the
/// grammar refuses (§3.3.1), more than 32 members, or more than 8192 bytes (the specification asks everybody for 512).
std::string_view checked_tracestate(std::string_view text) noexcept;

}  // namespace mamey::inline v1
