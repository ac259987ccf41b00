#pragma once

/// @file
/// For features and services.
/// W3C Baggage: names and values that a caller passes to all services that work for it, as the text of one header. Untrusted callers fill
/// it, so it is bounded when it is read and when it is written: 64 members and 8192 bytes of header text, the amount that the specification
/// asks services to pass on. Members beyond these bounds are left out.

#include <map>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// The header's value. Left out are names that are not tokens, the name `except`, and members beyond the bounds. The result is never longer
/// than the text that was read.
std::string to_baggage_text(const std::map<std::string, std::string>& baggage, std::string_view except = {});

/// Adds the members of a header's value without their properties, up to the bounds. Members that cannot be read are left out.
void read_baggage(std::map<std::string, std::string>& into, std::string_view text);

}  // namespace mamey::inline v1
