#pragma once

/// @file
/// W3C Baggage: what a caller wants everybody to know who works for it, as the text of one header.

#include <map>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// The header's value; names that are no tokens, and `except`, are left out.
std::string to_baggage_text(const std::map<std::string, std::string>& baggage, std::string_view except = {});

/// Adds the members of a header's value without their properties, until `into` has 32. What cannot be read is left out.
void read_baggage(std::map<std::string, std::string>& into, std::string_view text);

}  // namespace mamey::inline v1
