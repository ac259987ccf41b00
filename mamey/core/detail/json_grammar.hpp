#pragma once

/// @file
/// The grammar of JSON's scalars (RFC 8259 §6 and §7).

#include <optional>
#include <string>
#include <string_view>

namespace mamey::inline v1::json::detail {

enum class number_form { none, integer, real };

/// Whether `text`, all of it, is a JSON number.
number_form number_form_of(std::string_view text) noexcept;

/// What stands between the quotes of a JSON string token; nothing when the token is no string. Escapes are still in it.
inline std::optional<std::string_view> string_content(std::string_view token) noexcept {
  if (token.size() < 2 || token.front() != '"' || token.back() != '"') return std::nullopt;
  return token.substr(1, token.size() - 2);
}

inline bool has_escapes(std::string_view content) noexcept { return content.find('\\') != std::string_view::npos; }

/// Appends `content` with its escapes resolved; false when one is malformed (`\x`, half a surrogate pair).
bool unescape(std::string_view content, std::string& out);

/// Whether every escape in `content` is well formed.
bool escapes_are_valid(std::string_view content) noexcept;

}  // namespace mamey::inline v1::json::detail
