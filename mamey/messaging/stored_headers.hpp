#pragma once

/// @file
/// For providers and the framework.
/// The headers of a message in a store: a JSON object, or empty.

#include <map>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Unreadable headers, which another program wrote into the table, are left out, with a warning that names the message. An exception would
/// make a whole claim of rows fail, again and again.
std::map<std::string, std::string> read_stored_headers(std::string_view text, std::string_view message_id);

}  // namespace mamey::inline v1
