#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mamey::inline v1::http::detail {

/// Classes of characters that the grammar of RFC 9110 and 9112 knows, one bit each.
enum class characters : std::uint8_t {
  token = 1,        ///< tchar
  field_value = 2,  ///< everything but control characters other than tab
  target = 4,       ///< visible ASCII but `#`: more than RFC 3986 has, as browsers leave `{`, `|` and others as they are
  host = 8,         ///< of a name or IPv4 address: reg-name without escapes
  unreserved = 16,  ///< RFC 3986 §2.3
};

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto mark = [&table](std::string_view set, characters kind) {
    for (const char c : set)
      table[static_cast<unsigned char>(c)] =
          static_cast<std::uint8_t>(table[static_cast<unsigned char>(c)] | static_cast<std::uint8_t>(kind));
  };
  constexpr std::string_view alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  mark(alphanumeric, characters::token);
  mark("!#$%&'*+-.^_`|~", characters::token);
  mark(alphanumeric, characters::host);
  mark("-._~!$&'()*+;=", characters::host);
  mark(alphanumeric, characters::unreserved);
  mark("-._~", characters::unreserved);
  for (unsigned c = 0; c < 256; ++c) {
    const bool control = (c < 0x20 && c != '\t') || c == 0x7F;
    if (!control) table[c] = static_cast<std::uint8_t>(table[c] | static_cast<std::uint8_t>(characters::field_value));
    if (c > 0x20 && c < 0x7F && c != '#') table[c] = static_cast<std::uint8_t>(table[c] | static_cast<std::uint8_t>(characters::target));
  }
  return table;
}

inline constexpr std::array<std::uint8_t, 256> classes = make_classes();

constexpr bool is(char c, characters kind) noexcept {
  return (classes[static_cast<unsigned char>(c)] & static_cast<std::uint8_t>(kind)) != 0;
}

}  // namespace mamey::inline v1::http::detail
