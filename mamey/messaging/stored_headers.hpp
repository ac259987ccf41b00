#pragma once

/// @file
/// The headers of a message as a store keeps them: a JSON object, or nothing.

#include <map>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// What somebody else wrote into the table and cannot be read is left out, with a warning that names the message: thrown at, a whole claim
/// of rows would come to nothing, again and again.
std::map<std::string, std::string> read_stored_headers(std::string_view text, std::string_view message_id);

}  // namespace mamey::inline v1
