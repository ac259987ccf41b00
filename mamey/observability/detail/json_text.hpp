#pragma once

#include <string>
#include <string_view>

namespace mamey::inline v1::detail {

/// Appends `text` as a JSON string. Whatever the bytes are, the result is valid: what is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Shortest text that reads back as the same number; NaN and infinities as the JSON strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
void append_json_number(std::string& out, double number);

/// The length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7); 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text) noexcept;

}  // namespace mamey::inline v1::detail
