#pragma once

/// @file
/// For the framework.
/// The slot, one of 1024, of an ordering key. This must never change: another release may claim the rows of this one.

#include <array>
#include <cstdint>
#include <string_view>

namespace mamey::inline v1 {

inline constexpr int slot_count = 1024;

namespace detail {

consteval std::array<std::uint32_t, 256> make_crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    auto value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);  // Castagnoli, reflected
    table[i] = value;
  }
  return table;
}
inline constexpr auto crc32c_table = make_crc32c_table();

}  // namespace detail

/// CRC-32C (RFC 3720 §B.4).
constexpr std::uint32_t crc32c(std::string_view bytes) noexcept {
  std::uint32_t value = 0xFFFFFFFFU;
  for (const char byte : bytes) value = (value >> 8) ^ detail::crc32c_table[(value ^ static_cast<std::uint8_t>(byte)) & 0xFF];
  return ~value;
}

/// The slot of an ordering key, 0 … 1023.
constexpr int slot_of(std::string_view key) noexcept { return static_cast<int>(crc32c(key) % slot_count); }

}  // namespace mamey::inline v1
