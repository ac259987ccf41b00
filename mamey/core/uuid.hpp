#pragma once

/// @file
/// For services.
/// UUIDs of RFC 9562: random (version 4) and time-ordered (version 7).

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <mamey/core/text_codec.hpp>

namespace mamey::inline v1 {

/// A 128-bit identifier; default-constructed it is the nil UUID.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Random bits from the operating system's generator (buffered per thread).
  static uuid v4();
  /// Millisecond time, then a counter that keeps ids of one process in the order of their creation (RFC 9562 §6.2, method 1).
  static uuid v7();
  /// Accepts the 36-character form ("D"), 32 digits ("N") and "{…}"; nothing else.
  static std::optional<uuid> parse(std::string_view text) noexcept;
  /// For literals: throws std::invalid_argument when malformed.
  explicit uuid(std::string_view text);
  constexpr uuid() = default;

  constexpr bool is_nil() const noexcept { return bytes == std::array<std::uint8_t, 16>{}; }
  /// 32 lower-case digits, the form of message ids in .NET Mamey (Convey).
  std::string to_compact_string() const;

  friend constexpr auto operator<=>(const uuid&, const uuid&) = default;
};

/// 36 lower-case characters.
std::string to_string(const uuid& id);

template <>
struct text_codec<uuid> {
  static void to_text(std::string& out, const uuid& id);
  static bool from_text(uuid& id, std::string_view text);
  static bool is_nil(const uuid& id) { return id.is_nil(); }
  static uuid generate() { return uuid::v7(); }
  static constexpr std::string_view format = "uuid";
};

}  // namespace mamey::inline v1

template <>
struct std::hash<mamey::uuid> {
  std::size_t operator()(const mamey::uuid& id) const noexcept;
};
