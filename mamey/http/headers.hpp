#pragma once

/// @file
/// Header fields: names in any case, values without line ends.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mamey::inline v1::http {

/// One field. Views: whoever hands it out says how long they live.
struct header_field {
  std::string_view name;
  std::string_view value;
};

/// The first field of that name, in any case.
std::optional<std::string_view> find_header(std::span<const header_field> headers, std::string_view name) noexcept;
/// How many fields have that name.
std::size_t count_headers(std::span<const header_field> headers, std::string_view name) noexcept;

/// Whether a comma-separated list (`Connection`, `Accept-Encoding`, …) holds the token, in any case; parameters after `;` do not matter.
bool list_contains(std::string_view list, std::string_view token) noexcept;

/// RFC 9110 §5.6.2: what a field name or method may consist of.
bool is_token(std::string_view text) noexcept;
/// No control characters but tab: CR, LF or NUL in a value would let its sender write further fields or a second message.
bool is_field_value(std::string_view text) noexcept;

/// Fields to send, kept as the bytes that go on the wire. Reusing one allocates nothing once it has grown.
class header_block {
 public:
  /// Adds a field. Throws std::invalid_argument when the name is no token or the value holds CR, LF, NUL or another control character.
  void add(std::string_view name, std::string_view value);
  /// Replaces all fields of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name) noexcept;
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  void clear() noexcept { text_.clear(); }
  bool empty() const noexcept { return text_.empty(); }
  /// `Name: value\r\n`, a line a field.
  std::string_view text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace mamey::inline v1::http
