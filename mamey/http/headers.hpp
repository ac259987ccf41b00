#pragma once

/// @file
/// For features and services.
/// Header fields: names in any case, values without line ends.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mamey::inline v1::http {

/// One field. The texts are views; the function that returns the field says how long they live.
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

/// The same in all fields of that name, which are one list (RFC 9110 §5.3).
bool header_contains(std::span<const header_field> headers, std::string_view name, std::string_view token) noexcept;

/// A token of RFC 9110 §5.6.2: the form of a field name or method.
bool is_token(std::string_view text) noexcept;
/// No control characters but tab: CR, LF or NUL in a value would let its sender write further fields or a second message.
bool is_field_value(std::string_view text) noexcept;

/// What a client sets itself, so that nobody else may: Host, Content-Length, Transfer-Encoding, Connection.
bool is_set_by_client(std::string_view name) noexcept;
/// What is wrong with an option that names a header; empty when nothing is. Blank is right: none.
std::string complaint_of_header_name(std::string_view name);

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
  /// `Name: value\r\n`, one line per field.
  std::string_view text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace mamey::inline v1::http
