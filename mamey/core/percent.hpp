#pragma once

/// @file
/// For features and services.
/// Percent coding (RFC 3986 §2.1), as addresses and W3C Baggage have it.

#include <cstddef>
#include <string>
#include <string_view>

namespace mamey::inline v1 {

/// Appends `text`; what is neither unreserved (letters, digits, `-._~`) nor in `kept` becomes `%XX`.
void percent_encode(std::string& out, std::string_view text, std::string_view kept);

/// The length that `percent_encode` would append.
std::size_t percent_encoded_size(std::string_view text, std::string_view kept) noexcept;

/// The byte that the escape at `at` stands for; -1 when there is none.
int percent_escape_at(std::string_view text, std::size_t at) noexcept;

/// Appends what `text` stands for; false for a malformed escape, and then `out` has what stood before it.
bool percent_decode(std::string& out, std::string_view text);

}  // namespace mamey::inline v1
